//! Orders to an image that runs alone: there is little that it can be told.

use std::time::{Duration, Instant};

use imprint_host::Waker;
use imprint_vm::Event;
use imprint_wire::Control;
use imprint_wire::control::{Progress, RunOrder, SnapshotOrder, SnapshotReport, StatusReport};
use tokio::sync::{mpsc, watch};

/// Where such orders are given.
pub(super) struct AloneDesk {
    pub waker: Waker,
    pub image: String,
    pub program: &'static str,
    pub started: Instant,
    pub stop: watch::Sender<bool>,
}

#[tonic::async_trait]
impl Control for AloneDesk {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: self.program.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            state: "running".to_string(),
            image: self.image.clone(),
            fingerprint: None,
            uptime: self.started.elapsed(),
            figures: Vec::new(),
        }
    }

    async fn run(&self, _: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        Err("this image runs already; push code into it instead".to_string())
    }

    async fn snapshot(&self, _: SnapshotOrder) -> Result<SnapshotReport, String> {
        Err("an image that runs alone is saved by itself: have it snapshot".to_string())
    }

    async fn stop(&self, _: Duration) -> Result<(), String> {
        let _ = self.waker.push(Event::Terminate);
        let _ = self.stop.send(true);
        Ok(())
    }
}
