//! The real binary: started in a folder of its own, asked over its ports, and ended.
//!
//! It runs in the test's folder with an empty environment, and so keeps its data in `forebay-data` there and puts its
//! objects into `forebay-data/bucket`, unless it is told otherwise. It ends with the test. The variable `FOREBAY_BINARY`
//! names another binary than the one that cargo has built for the test.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay::admin::Client;
use rustix::process::{Pid, Signal, kill_process};

/// How long a start and an end may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where the binary keeps its data.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("forebay-data")
}

/// Where the binary puts its objects.
pub fn bucket(folder: &Path) -> PathBuf {
    data(folder).join("bucket")
}

/// Runs a command of the binary to its end.
pub fn forebay(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    Said::of(&command(folder, environment).args(arguments).output().unwrap())
}

/// What a process left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// The binary at work. It is killed when this is dropped; a test that fails shows what it wrote.
#[derive(Debug)]
pub struct Program {
    child: Child,
    grpc: SocketAddr,
    http: SocketAddr,
    admin: SocketAddr,
    greeting: String,
    stderr: Arc<Mutex<String>>,
    /// Disconnected when it has ended and all that it wrote is read.
    ended: Receiver<()>,
}

impl Program {
    /// Starts it in this folder, on ports that the system chooses. The variables of `environment` set any key.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::try_start(folder, environment)
            .unwrap_or_else(|said| panic!("forebay ended with {:?}:\n{}", said.code, said.stderr))
    }

    /// Starts it, where it may refuse to: returns what it said if it has ended instead.
    ///
    /// # Errors
    /// If it ended.
    pub fn try_start(folder: &Path, environment: &[(&str, &str)]) -> Result<Self, Said> {
        Starting::spawn(folder, environment).finish()
    }

    /// The address for gRPC; it takes HTTP as well.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// The address for HTTP; it takes gRPC as well.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address for metrics, probes, status and flush.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Asks it through its admin address.
    pub fn client(&self) -> Client {
        Client::new(self.admin)
    }

    /// Its process. The process is not waited for before this is, so that its id is no other's.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it said when it had started.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What it has logged so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Asks it to end, and goes on. [`Program::wait`] waits for the end.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Said {
        // Nothing is ever sent: the channel is disconnected when the process has closed its error output.
        match self.ended.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => panic!("forebay does not end"),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
        }
        let code = self.child.wait().unwrap().code();
        Said { code, stdout: self.greeting.clone(), stderr: self.stderr() }
    }

    /// Whether it ends within this time.
    pub fn ends_within(&self, patience: Duration) -> bool {
        !matches!(self.ended.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }

    /// Has it end in the right order, by SIGTERM, and waits for that. It may have ended already: to a process that was not
    /// waited for, the signal does nothing.
    pub fn terminate(self) -> Said {
        self.ask_to_end();
        self.wait()
    }

    /// Has it read its configuration again, by SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills it at once, by SIGKILL.
    pub fn kill(self) -> Said {
        self.signal(Signal::KILL);
        self.wait()
    }

    /// Stops it, by SIGSTOP, until [`Program::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on, by SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("forebay wrote:\n{}", self.stderr());
        }
    }
}

/// The binary that has not said yet that it has started.
#[derive(Debug)]
pub struct Starting {
    /// Without addresses.
    program: Program,
    /// What it says.
    lines: Receiver<String>,
}

impl Starting {
    /// Starts it in this folder, as [`Program::start`].
    pub fn spawn(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child =
            command(folder, environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, ended) = channel();
        let stderr = Arc::default();
        collect(child.stderr.take().unwrap(), Arc::clone(&stderr), sender);
        let lines = read_lines(child.stdout.take().unwrap());
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (grpc, http, admin) = (nowhere, nowhere, nowhere);
        let program = Program { child, grpc, http, admin, greeting: String::new(), stderr, ended };
        Self { program, lines }
    }

    /// Waits until it has started.
    ///
    /// # Errors
    /// If it ended.
    pub fn finish(self) -> Result<Program, Said> {
        let Self { mut program, lines } = self;
        // It says last what is of no interest here: how a client is pointed at it.
        while !program.greeting.contains("forebay send") {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => program.greeting.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return Err(program.wait()),
                Err(RecvTimeoutError::Timeout) => panic!("forebay has not started: {program:?}"),
            }
        }
        [program.grpc, program.http, program.admin] = addresses(&program.greeting);
        Ok(program)
    }

    /// Kills it at once, by SIGKILL. Its standard output tells whether it had started after all.
    pub fn kill(self) -> Said {
        let said = self.program.kill();
        Said { stdout: self.lines.iter().collect(), ..said }
    }
}

/// The binary, to be run in this folder on ports that the system chooses, with nothing else in its environment.
pub fn command(folder: &Path, environment: &[(&str, &str)]) -> Command {
    let binary = std::env::var_os("FOREBAY_BINARY");
    let mut command = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_forebay").into()));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    for key in ["FOREBAY_RECEIVE_GRPC", "FOREBAY_RECEIVE_HTTP", "FOREBAY_ADMIN_LISTEN"] {
        command.env(key, "127.0.0.1:0");
    }
    // Lines that a test can look into.
    command.env("FOREBAY_OBJECTS_FORMAT", "otlp_jsonl");
    command.envs(environment.iter().copied());
    command
}

/// Reads lines, so that the writer never waits and the reader may give up.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            // Goes on reading when nobody listens any more.
            let _ = sender.send(line.unwrap() + "\n");
        }
    });
    lines
}

/// Reads what is written until the end, at which it drops the sender.
fn collect(mut stderr: ChildStderr, text: Arc<Mutex<String>>, ended: Sender<()>) {
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut piece) {
            text.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        drop(ended);
    });
}

/// The addresses for gRPC, HTTP and admin in the greeting.
fn addresses(greeting: &str) -> [SocketAddr; 3] {
    let after = |name: &str| {
        let line = greeting.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{greeting}")).trim_start().to_owned()
    };
    let address = |text: &str| {
        let end = text.find([' ', ',']).unwrap_or(text.len());
        text[..end].trim_end_matches(':').parse().unwrap_or_else(|_| panic!("no address in {text}"))
    };
    let otlp = after("OTLP ");
    let (grpc, http) = otlp.split_once(" and ").unwrap();
    [address(grpc), address(http), address(&after("admin "))]
}
