//! What forebay has written, read back as the requests that clients sent: objects in a bucket or a folder, and the data
//! folder of a forebay with the segments of its log.
//!
//! A [`Place`] lists its [`Piece`]s in the order in which they were received; a piece gives its [`Request`]s one after the
//! other, so that memory holds one request of most formats, whatever the place has. Rows keep no whole requests: how items
//! were grouped is not in them, nor are metrics without points. They are told, and passed over.

mod name;
mod piece;
mod place;
mod requests;
mod stored;

pub use piece::{Error, Piece, Pieces};
pub use place::Place;
pub use requests::Request;
