//! Stands between the program and a store that speaks HTTP/1.1, and plays the faults that it is told to play.
//!
//! A request goes on to the store with the path and the headers that it came with, `host` too, only to another address:
//! signatures stay valid, and any store may be behind it. What is forwarded takes effect even if the program has gone
//! meanwhile, as it does with a line that loses answers.
//!
//! - `rule` has the faults, and which requests they meet;
//! - `door` is the port: open, closed, or half open;
//! - `exchange` is one request on its way to the store and its answer on the way back;
//! - `journal` is what went through, for a scenario to ask.

mod door;
mod exchange;
mod journal;
mod rule;

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::Pid;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::program::Program;
use crate::support::s3::On;

use door::Door;
pub(crate) use journal::Exchange;
use rule::Rules;
pub(crate) use rule::{Fault, Rule, When};

/// The proxy; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    door: watch::Sender<Door>,
    server: JoinHandle<()>,
}

/// What all exchanges share.
#[derive(Debug)]
struct Shared {
    store: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    rules: Rules,
    exchanges: Vec<Exchange>,
    /// Bytes of bodies a second, all requests together.
    bandwidth: Option<u64>,
    /// When the line is free again.
    free_at: Instant,
    /// The process that is killed by the next fault that kills.
    victim: Option<Pid>,
}

impl Proxy {
    /// Stands before the store at this address. It works on the runtime that it is started in.
    pub(crate) fn start(store: SocketAddr) -> Self {
        let state = State {
            rules: Rules::default(),
            exchanges: Vec::new(),
            bandwidth: None,
            free_at: Instant::now(),
            victim: None,
        };
        let shared = Arc::new(Shared { store, state: Mutex::new(state), changed: Condvar::new() });
        let (door, told) = watch::channel(Door::Open);
        let port = door::Port::reserve();
        let address = port.address();
        let listener = port.listen();
        let server = tokio::spawn(door::keep(port, listener, told, Arc::clone(&shared)));
        Self { address, shared, door, server }
    }

    /// The address that the program is to take for the store's.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has a fault meet requests of this kind.
    pub(crate) fn rule(&self, on: On, when: When, fault: Fault) -> Rule {
        self.lock().rules.add(on, when, fault)
    }

    /// How often the fault of a rule has met a request.
    pub(crate) fn met(&self, rule: Rule) -> u64 {
        self.lock().rules.met(rule)
    }

    /// Ends all rules, opens the port, and lets the line be as fast as it is.
    pub(crate) fn heal(&self) {
        {
            let mut state = self.lock();
            state.rules.end();
            state.bandwidth = None;
            state.free_at = Instant::now();
            state.victim = None;
        }
        self.turn(Door::Open);
    }

    /// Closes the port: connections are reset, and new ones refused.
    pub(crate) fn refuse(&self) {
        self.turn(Door::Closed);
    }

    /// Connections are reset; new ones are accepted, and nothing is ever read from them.
    pub(crate) fn half_open(&self) {
        self.turn(Door::HalfOpen);
    }

    /// Limits the line to so many bytes a second.
    pub(crate) fn limit(&self, bytes_per_second: u64) {
        let mut state = self.lock();
        state.bandwidth = Some(bytes_per_second);
        state.free_at = Instant::now();
    }

    /// The next fault that kills is to kill this process. It must not be waited for before that, or before
    /// [`Proxy::heal`].
    pub(crate) fn aim_at(&self, program: &Program) {
        self.lock().victim = Some(program.id());
    }

    /// Waits until the process that was aimed at has been killed; `false` if it never is.
    pub(crate) fn wait_for_kill(&self, patience: Duration) -> bool {
        let waits = |state: &mut State| state.victim.is_some();
        let (_state, outcome) = self.shared.changed.wait_timeout_while(self.lock(), patience, waits).unwrap();
        !outcome.timed_out()
    }

    /// What went through so far, in the order in which it came.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.clone()
    }

    /// Waits until this holds of what went through; `false` if it never does.
    pub(crate) fn wait_until(&self, patience: Duration, holds: impl Fn(&[Exchange]) -> bool) -> bool {
        let waits = |state: &mut State| !holds(&state.exchanges);
        let (_state, outcome) = self.shared.changed.wait_timeout_while(self.lock(), patience, waits).unwrap();
        !outcome.timed_out()
    }

    fn turn(&self, to: Door) {
        self.door.send_if_modified(|door| std::mem::replace(door, to) != to);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes the state, and tells those who wait.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}
