//! Orders to a master that serves: how it is, run something, end.
//!
//! What is run runs in an image of its own, opened for the order: the pristine one is never run.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use imprint_daemon::Metrics;
use imprint_slave::crash::outlived;
use imprint_slave::ending::{code, ending};
use imprint_vm::CommandLine;
use imprint_wire::Control;
use imprint_wire::control::{
    Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport,
};
use tokio::sync::{mpsc, watch};

use super::slaves::Slaves;
use crate::full_image::LiveImage;

/// Takes orders for a daemon that serves one image.
pub struct Orders {
    image: PathBuf,
    metrics: Metrics,
    slaves: Slaves,
    started: Instant,
    stop: watch::Sender<bool>,
}

impl Orders {
    /// Orders about the image file that is served to `slaves`; `stop` hears when the daemon is to end.
    pub fn new(
        image: PathBuf,
        metrics: Metrics,
        slaves: Slaves,
        stop: watch::Sender<bool>,
    ) -> Orders {
        let started = Instant::now();
        Orders {
            image,
            metrics,
            slaves,
            started,
            stop,
        }
    }
}

#[tonic::async_trait]
impl Control for Orders {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: "master".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            state: "serving".to_string(),
            image: self.image.display().to_string(),
            fingerprint: None,
            uptime: self.started.elapsed(),
            figures: [self.metrics.figures(), self.slaves.figures()].concat(),
        }
    }

    async fn run(&self, order: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        let Runnable::Expression(expression) = order.what else {
            return Err("a master runs expressions; tests run in a slave".to_string());
        };
        let image = self.image.clone();
        let (progress, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            let (exit_code, text) = outlived(|| evaluate(&image, &expression))
                .unwrap_or_else(|defect| (code::DEFECT.into(), defect));
            // Who gave the order may be gone: then nobody wants to know.
            let _ = progress.blocking_send(Progress::Finished { exit_code, text });
        });
        Ok(receiver)
    }

    async fn snapshot(&self, _: SnapshotOrder) -> Result<SnapshotReport, String> {
        Err("a master has nothing to snapshot: its image is the file that it serves".to_string())
    }

    async fn stop(&self, _: Duration) -> Result<(), String> {
        // The daemon ends when this is heard; a receiver always waits for it.
        let _ = self.stop.send(true);
        Ok(())
    }
}

fn evaluate(image: &std::path::Path, expression: &str) -> (u32, String) {
    let printed = LiveImage::open(image, CommandLine::default())
        .and_then(|mut image| image.print(expression));
    match printed {
        Ok(Ok(text)) => (code::DONE.into(), text),
        Ok(Err(outcome)) => {
            let (code, sentence) = ending(&outcome);
            (code.into(), sentence.unwrap_or_default())
        }
        Err(error) => (code::USAGE.into(), format!("{error:#}")),
    }
}
