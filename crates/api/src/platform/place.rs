//! Where a listing of the platform stands, as a page token: it is written into checkpoints and read back by a later run.

use frontdesk_domain::{PageToken, TimeRange};

/// The page that is to be asked for.
///
/// The platform has page numbers and, for the results of jobs, cursors; a listing here may be several queries one after the
/// other. As a token it says which of them: `query FROM/TO PAGE`, or `job FROM/TO JOB CURSOR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A page of the synchronous query over a slice of the range, from 1.
    Query {
        /// The interval of the query.
        slice: TimeRange,
        /// The page's number.
        page: u32,
    },
    /// A page of the results of a job over a slice.
    Job {
        /// The interval of the job.
        slice: TimeRange,
        /// The job's id.
        job: String,
        /// The page's cursor; none for the first.
        cursor: Option<String>,
    },
}

impl Place {
    /// The place as a token.
    pub(super) fn token(&self) -> Option<PageToken> {
        let text = match self {
            Self::Query { slice, page } => format!("query {slice} {page}"),
            Self::Job { slice, job, cursor: None } => format!("job {slice} {job}"),
            Self::Job { slice, job, cursor: Some(cursor) } => format!("job {slice} {job} {cursor}"),
        };
        PageToken::new(text).ok()
    }

    /// The place a token names; none where it is no token of the platform.
    pub(super) fn read(token: &PageToken) -> Option<Self> {
        let mut words = token.as_str().splitn(4, ' ');
        let (sort, slice, third) = (words.next()?, words.next()?, words.next()?);
        let (from, to) = slice.split_once('/')?;
        let slice = TimeRange::new(from.parse().ok()?, to.parse().ok()?).ok()?;
        match (sort, words.next()) {
            ("query", None) => {
                let page = third.parse().ok().filter(|page| *page > 0)?;
                Some(Self::Query { slice, page })
            }
            ("job", cursor) => {
                Some(Self::Job { slice, job: third.to_owned(), cursor: cursor.map(str::to_owned) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_token() {
        let slice =
            TimeRange::new("2026-03-01T00:00:00Z".parse().unwrap(), "2026-03-08T00:00:00Z".parse().unwrap())
                .unwrap();
        let job = |cursor: Option<&str>| Place::Job {
            slice,
            job: "7e4a1f52".to_owned(),
            cursor: cursor.map(str::to_owned),
        };
        let query = Place::Query { slice, page: 17 };
        assert_eq!(query.token().unwrap().as_str(), "query 2026-03-01T00:00:00Z/2026-03-08T00:00:00Z 17");
        for place in [query, job(None), job(Some("eyJ=")), job(Some("with blanks in it"))] {
            assert_eq!(Place::read(&place.token().unwrap()), Some(place));
        }
    }

    #[test]
    fn what_is_no_token_of_the_platform_is_refused() {
        for text in [
            "eyJwYWdlIjoyfQ",
            "query 2026-03-01T00:00:00Z/2026-03-08T00:00:00Z",
            "query 2026-03-01T00:00:00Z/2026-03-08T00:00:00Z 0",
            "query 2026-03-01T00:00:00Z/2026-03-08T00:00:00Z 1 more",
            "query 2026-03-08T00:00:00Z/2026-03-01T00:00:00Z 1",
            "walk 2026-03-01T00:00:00Z/2026-03-08T00:00:00Z 1",
        ] {
            assert_eq!(Place::read(&PageToken::new(text).unwrap()), None, "{text}");
        }
    }
}
