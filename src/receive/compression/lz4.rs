//! The frame format of LZ4.

use std::io::{self, Read};

use lz4_flex::frame::FrameDecoder;

/// What frames laid end to end contain.
pub(super) struct Frames<'a> {
    /// A decoder for each frame: its buffers are made for the block size that the frame's header names.
    decoder: FrameDecoder<Whole<'a>>,
}

impl<'a> Frames<'a> {
    /// Reads `body`, of one or several frames.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { decoder: FrameDecoder::new(Whole(body)) }
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.decoder.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            // The frame is at its end mark.
            match self.decoder.get_ref().0 {
                [] => return Ok(0),
                rest => self.decoder = FrameDecoder::new(Whole(rest)),
            }
        }
    }
}

/// Bytes beyond whose end nobody may read. The decoder takes an end where a block should begin for the end of the frame;
/// a body that was cut off there would pass for a whole one.
struct Whole<'a>(&'a [u8]);

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !buffer.is_empty() {
            return Err(io::Error::other("it is cut off"));
        }
        self.0.read(buffer)
    }
}
