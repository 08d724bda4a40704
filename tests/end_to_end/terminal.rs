//! A terminal at which nobody sits: what a command writes to a person, with everything that moves.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::program::command;

/// A command at work in a terminal of 100 columns. It is killed when this is dropped.
pub(crate) struct Terminal {
    master: File,
    child: Child,
    /// All that it has written so far.
    written: String,
}

impl Terminal {
    /// Starts it with this terminal as its standard output and its standard error.
    pub(crate) fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let side = || File::options().read(true).write(true).open(path).unwrap();
        let child = command(folder, environment)
            .env("TERM", "xterm")
            .args(arguments)
            .stdin(Stdio::from(side()))
            .stdout(Stdio::from(side()))
            .stderr(Stdio::from(side()))
            .spawn()
            .unwrap();
        Self { master: File::from(master), child, written: String::new() }
    }

    /// Reads on until `is_there` is so of what was written since the last time, and returns that.
    pub(crate) fn until(&mut self, is_there: impl Fn(&str) -> bool) -> String {
        let mut piece = [0; 4096];
        while !is_there(&self.written) {
            match self.master.read(&mut piece) {
                Ok(length @ 1..) => self.written.push_str(&String::from_utf8_lossy(&piece[..length])),
                ended => panic!("it ended ({ended:?}) after writing {:?}", self.written),
            }
        }
        std::mem::take(&mut self.written)
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Reads on until it ends: all that it wrote since the last time, and its exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut piece = [0; 4096];
        loop {
            match self.master.read(&mut piece) {
                Ok(length @ 1..) => self.written.push_str(&String::from_utf8_lossy(&piece[..length])),
                Ok(0) => break,
                // What a terminal says whose other side is closed.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
        let code = self.child.wait().unwrap().code();
        (std::mem::take(&mut self.written), code)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail if it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
