//! Tokens: one grant, three client styles, one cache (contract §1).
//!
//! | file | what it is |
//! |---|---|
//! | [`credentials`] | who we are, and how the token endpoint wants to be told |
//! | [`grant`] | the token call as an endpoint, and how its answer is read |
//! | [`cache`] | single flight, margin, 401 by generation, failures remembered |
//! | [`store`] | a token kept by the app between commands |

pub(crate) mod cache;
mod credentials;
pub(crate) mod grant;
mod store;

pub use self::credentials::{ClientStyle, Credentials, CredentialsError};
pub use self::store::{StoredToken, TokenStore};
