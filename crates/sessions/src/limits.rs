//! How much a job may do, and how much may go wrong.

/// The bounds of a job; none by default.
///
/// ```
/// use frontdesk_sessions::Limits;
///
/// let limits = Limits { max_count: Some(10_000), ..Limits::default() };
/// assert_eq!(limits.max_errors, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// More guests than this are refused before anything is done.
    pub max_count: Option<u64>,
    /// After more failed and unknown guests than this the job stops.
    pub max_errors: Option<u64>,
}
