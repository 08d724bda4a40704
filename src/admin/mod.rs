//! The admin server: what probes, Prometheus and the person on call ask.
//!
//! | request         | answer                                                                                   |
//! |-----------------|------------------------------------------------------------------------------------------|
//! | `GET /`         | 200 as long as the process lives: the liveness probe, as the Collector's health check; for a browser the page |
//! | `GET /page`     | the status page                                                                           |
//! | `GET /readyz`   | 200, or 503 with the reason while no telemetry is taken in                                |
//! | `GET /metrics`  | every metric, in Prometheus' text format                                                  |
//! | `GET /status`   | [`Status`] as JSON                                                                        |
//! | `GET /history`  | the last 24 hours, in `?points=288` steps. [`History`] as JSON                             |
//! | `GET /config`   | the configuration, secrets hidden. [`Settings`] as JSON                                    |
//! | `POST /flush`   | seals and delivers now; `?wait=1m` says how long to wait for it. [`FlushReport`] as JSON    |
//!
//! With `admin.auth` it asks for credentials, but not for the two probes, and not for the page, which has no data in it: its
//! script asks for that. It shows no telemetry and no secret. It learns what it shows through [`Subject`], and does not know who
//! that is. [`Client`] is its other side, for the commands `status` and `flush`.

mod accept;
mod answer;
mod client;
mod condition;
mod options;
mod page;
mod policy;
mod process;
mod recorder;
mod server;
mod status;
mod subject;

pub use client::{Client, ClientError};
pub use condition::Condition;
pub use options::{ClientOptions, Options};
pub use recorder::Recorder;
pub use server::{Bound, Server};
pub use status::{
    Bucket, BySignal, Commit, DeliveredObject, Delivery, DeliveryError, Disk, FlushReport, History, Intake,
    Listener, Losses, Objects, Output, Queue, Rates, Received, Requests, RetriedObject, Series, Setting,
    Settings, Status, Tenant,
};
pub use subject::Subject;
