//! Clients that keep to the rules, whom nothing that others do may disturb.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use forebay::otlp::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::clients::{Connection, Life, Protocol};
use super::ledger::Ledger;

/// What has not happened by then never will.
const AT_LAST: Duration = Duration::from_mins(2);

/// The pause of a client after each answer.
const PAUSE: Duration = Duration::from_millis(3);

/// One client for each protocol, which send small exports all the time over connections that last. Each of them must be
/// acknowledged.
pub(crate) struct Witness {
    latencies: Arc<watch::Sender<usize>>,
    taken: Arc<Mutex<Vec<Duration>>>,
    end: watch::Sender<bool>,
    senders: JoinSet<()>,
}

impl Witness {
    /// Starts them.
    pub(crate) fn begin(ledger: &Arc<Ledger>, life: Life) -> Self {
        let (end, ending) = watch::channel(false);
        let latencies = Arc::new(watch::Sender::new(0));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut senders = JoinSet::new();
        for protocol in [Protocol::Grpc, Protocol::Protobuf, Protocol::Json] {
            let (ledger, ending) = (Arc::clone(ledger), ending.clone());
            let (latencies, taken) = (Arc::clone(&latencies), Arc::clone(&taken));
            senders.spawn(async move {
                let connection = Connection::to(protocol, life);
                while !*ending.borrow() {
                    let export = ledger.note_sent(Signal::Logs, 2, 60);
                    let began = Instant::now();
                    let sent = timeout(AT_LAST, connection.send(&export)).await;
                    assert_eq!(sent, Ok(Ok(())), "{protocol:?}: others disturb it");
                    ledger.note_acknowledged(&export);
                    taken.lock().unwrap().push(began.elapsed());
                    latencies.send_modify(|sent| *sent += 1);
                    sleep(PAUSE).await;
                }
            });
        }
        Self { latencies, taken, end, senders }
    }

    /// Lets them send so many more, and returns how long the acknowledgements took since the last time, shortest first.
    pub(crate) async fn latencies(&mut self, more: usize) -> Vec<Duration> {
        let mut sent = self.latencies.subscribe();
        let wanted = *sent.borrow() + more;
        tokio::select! {
            reached = timeout(AT_LAST, sent.wait_for(|sent| *sent >= wanted)) => drop(reached.expect("they go on")),
            Some(ended) = self.senders.join_next() => ended.expect("every export is acknowledged"),
        }
        let mut taken = std::mem::take(&mut *self.taken.lock().unwrap());
        taken.sort();
        taken
    }

    /// Ends them.
    pub(crate) async fn end(self) {
        self.end.send_replace(true);
        self.senders.join_all().await;
    }
}
