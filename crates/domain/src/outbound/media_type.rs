//! Media types and the extensions of file names that agree with them (contract §4).
//!
//! What is in the table can disagree, and is refused then. What is not in it is a finding: a platform may well know a
//! type that we do not.

/// Media types with the extensions they go with, the usual one first.
const TABLE: &[(&str, &[&str])] = &[
    ("application/gzip", &["gz"]),
    ("application/json", &["json"]),
    ("application/msword", &["doc"]),
    ("application/pdf", &["pdf"]),
    ("application/rtf", &["rtf"]),
    ("application/vnd.ms-excel", &["xls"]),
    ("application/vnd.ms-powerpoint", &["ppt"]),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ("application/xml", &["xml"]),
    ("application/zip", &["zip"]),
    ("audio/aac", &["aac"]),
    ("audio/amr", &["amr"]),
    ("audio/mp4", &["m4a", "mp4"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/ogg", &["ogg", "oga", "opus"]),
    ("audio/wav", &["wav"]),
    ("audio/x-wav", &["wav"]),
    ("image/bmp", &["bmp"]),
    ("image/gif", &["gif"]),
    ("image/heic", &["heic"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe"]),
    ("image/png", &["png"]),
    ("image/svg+xml", &["svg"]),
    ("image/tiff", &["tif", "tiff"]),
    ("image/webp", &["webp"]),
    ("text/calendar", &["ics"]),
    ("text/csv", &["csv"]),
    ("text/html", &["html", "htm"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/plain", &["txt", "text", "log"]),
    ("text/rtf", &["rtf"]),
    ("text/vcard", &["vcf"]),
    ("text/xml", &["xml"]),
    ("video/3gpp", &["3gp"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/mpeg", &["mpeg", "mpg"]),
    ("video/quicktime", &["mov"]),
    ("video/webm", &["webm"]),
];

/// What a media type and a file name say about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// They agree.
    Agree,
    /// They contradict each other; the extension that would agree.
    Disagree {
        /// The usual extension of the media type.
        expected: &'static str,
    },
    /// We do not know the media type.
    UnknownType,
    /// We do not know the extension, or there is none.
    UnknownExtension,
}

/// Compares a media type, without its parameters and whatever its case, with the extension of a file name.
///
/// ```
/// use frontdesk_domain::outbound::{Agreement, agreement};
///
/// assert_eq!(agreement("image/png", "logo.PNG"), Agreement::Agree);
/// assert_eq!(agreement("image/png", "a.pdf"), Agreement::Disagree { expected: "png" });
/// assert_eq!(agreement("text/plain; charset=utf-8", "a.txt"), Agreement::Agree);
/// assert_eq!(agreement("model/stl", "a.stl"), Agreement::UnknownType);
/// assert_eq!(agreement("image/png", "logo"), Agreement::UnknownExtension);
/// ```
#[must_use]
pub fn agreement(media_type: &str, filename: &str) -> Agreement {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((_, extensions)) = TABLE.iter().find(|(known, _)| *known == essence) else {
        return Agreement::UnknownType;
    };
    let Some(extension) = extension(filename) else { return Agreement::UnknownExtension };
    if extensions.contains(&extension.as_str()) {
        return Agreement::Agree;
    }
    if TABLE.iter().any(|(_, known)| known.contains(&extension.as_str())) {
        return Agreement::Disagree { expected: extensions[0] };
    }
    Agreement::UnknownExtension
}

/// The usual media type of a file name's extension; none where we do not know it.
pub(crate) fn usual_type(filename: &str) -> Option<&'static str> {
    let extension = extension(filename)?;
    // `mp4` is video first, `wav` has one name that is registered.
    let usual = |(_, extensions): &&(&str, &[&str])| extensions.first() == Some(&extension.as_str());
    let first = TABLE.iter().find(usual);
    first
        .or_else(|| TABLE.iter().find(|(_, extensions)| extensions.contains(&extension.as_str())))
        .map(|(name, _)| *name)
}

fn extension(filename: &str) -> Option<String> {
    let (stem, extension) = filename.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_ascii_lowercase())
}

/// Whether a text is a media type: two tokens and a slash, parameters after them.
pub(super) fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && essence.split_once('/').is_some_and(|(kind, name)| token(kind) && token(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_agrees_with_itself() {
        assert!(TABLE.is_sorted_by_key(|(name, _)| *name));
        for (name, extensions) in TABLE {
            assert!(is_media_type(name));
            for extension in *extensions {
                assert_eq!(agreement(name, &format!("a.{extension}")), Agreement::Agree);
                let usual = usual_type(&format!("a.{extension}")).unwrap();
                assert_eq!(agreement(usual, &format!("b.c.{extension}")), Agreement::Agree);
            }
        }
        assert_eq!(usual_type("clip.mp4"), Some("video/mp4"));
        assert_eq!(usual_type("x.wav"), Some("audio/wav"));
        assert_eq!(usual_type("x.xml"), Some("application/xml"));
        for unknown in ["x", ".png", "x.", "x.stl"] {
            assert_eq!(usual_type(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_no_media_type() {
        for good in ["image/png", "TEXT/Plain; charset=utf-8", "application/vnd.x+json"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "png", "/png", "image/", "image/p ng", "image/png\n", "a/b/c", "a/\u{e9}", ";a/b"] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
