//! Orders to a master that serves: how it is, run something, write what is served, end.
//!
//! What is run runs in an image of its own, opened for the order: the pristine one is never run.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use imprint_daemon::Metrics;
use imprint_image::{Fingerprint, changes_path, write_beside_and_rename};
use imprint_slave::crash::outlived;
use imprint_slave::ending::{code, ending, sentence_of};
use imprint_vm::CommandLine;
use imprint_wire::Control;
use imprint_wire::control::{
    Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport,
};
use tokio::sync::{mpsc, watch};

use super::editions::ServedFile;
use super::slaves::Slaves;
use crate::full_image::LiveImage;

/// Takes orders for a daemon that serves one image.
pub struct Orders {
    image: ServedFile,
    metrics: Metrics,
    slaves: Slaves,
    started: Instant,
    stop: watch::Sender<bool>,
}

impl Orders {
    /// Orders about the image file that is served to `slaves`; `stop` hears when the daemon is to end.
    pub fn new(
        image: ServedFile,
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

impl Orders {
    /// The image file that is served now.
    fn file(&self) -> PathBuf {
        let file = self.image.lock();
        file.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Copies an image with its texts.
fn copy_image(from: &Path, to: &Path) -> Result<(Fingerprint, u64)> {
    let bytes = std::fs::read(from).context("cannot read the image")?;
    let texts = std::fs::read(changes_path(from)).unwrap_or_default();
    write_beside_and_rename(&changes_path(to), &texts)?;
    write_beside_and_rename(to, &bytes)?;
    Ok((Fingerprint::of(&bytes), bytes.len() as u64))
}

#[tonic::async_trait]
impl Control for Orders {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: "master".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            state: "serving".to_string(),
            image: self.file().display().to_string(),
            fingerprint: None,
            uptime: self.started.elapsed(),
            figures: [self.metrics.figures(), self.slaves.figures()].concat(),
        }
    }

    async fn run(&self, order: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        let Runnable::Expression(expression) = order.what else {
            return Err("a master runs expressions; tests run in a slave".to_string());
        };
        let image = self.file();
        let (progress, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            let (exit_code, text) = outlived(|| evaluate(&image, &expression))
                .unwrap_or_else(|defect| (code::DEFECT.into(), defect));
            // Who gave the order may be gone: then nobody wants to know.
            let _ = progress.blocking_send(Progress::Finished { exit_code, text });
        });
        Ok(receiver)
    }

    /// The image that is served, with its texts: the full image of what slaves of it make.
    async fn snapshot(&self, order: SnapshotOrder) -> Result<SnapshotReport, String> {
        if let Some((option, _)) = order.options.first() {
            return Err(format!(
                "a master writes the image that it serves, which has no '{option}'"
            ));
        }
        let (from, to) = (self.file(), PathBuf::from(&order.path));
        let copied = tokio::task::spawn_blocking(move || copy_image(&from, &to)).await;
        let copied = copied.map_err(|error| error.to_string())?;
        let (fingerprint, bytes) = copied.map_err(|error| sentence_of(&error))?;
        Ok(SnapshotReport {
            path: order.path,
            bytes,
            fingerprint: fingerprint.0,
            warnings: Vec::new(),
        })
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
