//! What forebay has written, read back as the requests that clients sent: objects in a bucket or a folder, and the data
//! folder of a forebay with the segments of its log.
//!
//! A [`Place`] lists its [`Piece`]s in the order in which they were received; a piece gives its [`Request`]s one after the
//! other, so that memory holds one request of most formats, whatever the place has. Of rows requests are made again; what
//! rows do not keep is how items were grouped, and metrics without points. A Parquet file, a document and a message are in
//! memory as a whole while they are read.

mod line;
mod name;
mod piece;
mod place;
mod requests;
mod restored;
mod stored;
mod unpackable;

pub use piece::{Error, Piece};
pub use place::Place;
pub use requests::Request;
