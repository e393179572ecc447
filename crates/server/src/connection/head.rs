//! Where a request's head ends, and whether it is too long: looked at before anything is parsed.

use crate::limits::Limits;

/// Follows one head as its bytes arrive. A line ends with `\n`, alone or after `\r`; an empty line ends the head;
/// empty lines before the first are skipped (RFC 9112, 2.2).
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// Bytes looked at.
    at: usize,
    /// Where the line in progress starts.
    line_at: usize,
    /// Where the request line ends, once it has: the byte after its `\n`.
    request_line: Option<usize>,
    fields: usize,
}

/// What is known of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// More must come.
    Open,
    /// It is whole.
    Whole {
        /// The byte after the request line.
        request_line: usize,
        /// The byte after the head.
        end: usize,
    },
    /// The request line is too long.
    UrlTooLong,
    /// The header fields are too long, or too many.
    HeadersTooLarge,
}

impl HeadScan {
    /// Looks at what has arrived of the head, from its first byte on; each byte is looked at once.
    pub(crate) fn scan(&mut self, bytes: &[u8], limits: &Limits) -> Scanned {
        while self.at < bytes.len() {
            let rest = &bytes[self.at..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.at = bytes.len();
                break;
            };
            self.at += end + 1;
            let line = &bytes[self.line_at..self.at - 1];
            let is_empty = matches!(line, [] | [b'\r']);
            self.line_at = self.at;
            match self.request_line {
                None if !is_empty => {
                    if line.len() > limits.url_bytes {
                        return Scanned::UrlTooLong;
                    }
                    self.request_line = Some(self.at);
                }
                // As long a row of empty lines as a request line may be.
                None if self.at > limits.url_bytes => return Scanned::UrlTooLong,
                None => {}
                Some(request_line) if is_empty => return Scanned::Whole { request_line, end: self.at },
                Some(request_line) => {
                    self.fields += 1;
                    if self.at - request_line > limits.header_bytes || self.fields > limits.header_fields {
                        return Scanned::HeadersTooLarge;
                    }
                }
            }
        }
        match self.request_line {
            None if self.at - self.line_at > limits.url_bytes => Scanned::UrlTooLong,
            Some(request_line) if self.at - request_line > limits.header_bytes => Scanned::HeadersTooLarge,
            _ => Scanned::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::default().with(|limits| {
            limits.url_bytes = 20;
            limits.header_bytes = 40;
            limits.header_fields = 3;
        })
    }

    /// The outcome is the same however the bytes arrive.
    fn scanned(bytes: &[u8]) -> Scanned {
        let at_once = HeadScan::default().scan(bytes, &limits());
        let mut scan = HeadScan::default();
        let mut by_one = Scanned::Open;
        for end in 1..=bytes.len() {
            by_one = scan.scan(&bytes[..end], &limits());
            if by_one != Scanned::Open {
                break;
            }
        }
        assert_eq!(at_once, by_one, "{bytes:?}");
        at_once
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        for (text, request_line, end) in [
            ("GET / HTTP/1.1\r\n\r\n", 16, 18),
            ("GET / HTTP/1.1\r\na: b\r\n\r\nGET /next", 16, 24),
            ("GET / HTTP/1.1\n\n", 15, 16),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 20, 22),
        ] {
            assert_eq!(scanned(text.as_bytes()), Scanned::Whole { request_line, end }, "{text:?}");
        }
        for text in ["", "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\na: b\r\n", "\r\n\r\n"] {
            assert_eq!(scanned(text.as_bytes()), Scanned::Open, "{text:?}");
        }
    }

    #[test]
    fn each_bound_has_two_sides() {
        let line = |length: usize| vec![b'x'; length];
        assert_eq!(scanned(&line(20)), Scanned::Open);
        assert_eq!(scanned(&line(21)), Scanned::UrlTooLong);
        assert_eq!(scanned("\n".repeat(21).as_bytes()), Scanned::UrlTooLong);
        let with = |fields: &str| scanned(format!("GET / HTTP/1.1\r\n{fields}").as_bytes());
        assert_eq!(with(&"y".repeat(40)), Scanned::Open);
        assert_eq!(with(&"y".repeat(41)), Scanned::HeadersTooLarge);
        assert_eq!(with("a:\r\nb:\r\nc:\r\n"), Scanned::Open);
        assert_eq!(with("a:\r\nb:\r\nc:\r\nd:\r\n\r\n"), Scanned::HeadersTooLarge);
        assert_eq!(with(&format!("{}\r\n\r\n", "y".repeat(40))), Scanned::HeadersTooLarge);
    }
}
