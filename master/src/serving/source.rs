//! The border to gRPC, a session for each stream; and to slaves in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imprint_daemon::Metrics;
use imprint_image::{PristineImage, Sources};
use imprint_slave::remote::Near;
use imprint_trace::Marks;
use imprint_vm::install::Names;
use imprint_wire::message::{Plan, Seed};
use imprint_wire::{MasterMessage, Session, SlaveMessage, Source};

use tokio::task::block_in_place;

use super::desk::{Desk, Pristine};
use super::kernel::KernelImage;
use super::shelves::Shelves;
use super::slaves::Slaves;
use crate::outside::SourceBook;

/// Serves one image.
pub struct PristineSource {
    shelves: Shelves,
    kernel: Arc<KernelImage>,
    next_slave: AtomicU64,
    slaves: Slaves,
}

impl PristineSource {
    /// Begins to open an image; slaves may come meanwhile, and are entered in a table.
    pub fn new(
        metrics: &Metrics,
        slaves: Slaves,
        pristine: impl FnOnce() -> Pristine + Send + 'static,
    ) -> PristineSource {
        PristineSource {
            shelves: Shelves::new(metrics, pristine),
            kernel: Arc::default(),
            next_slave: AtomicU64::new(1),
            slaves,
        }
    }

    /// A source of an image that was made in this process, with the texts of its methods.
    pub fn of_bytes(bytes: Vec<u8>, texts: Vec<u8>, plan: Plan) -> PristineSource {
        PristineSource::new(&Metrics::new(), Slaves::default(), move || {
            let image =
                PristineImage::from_bytes(&bytes).expect("these bytes were written a moment ago");
            let names = Names::scan(image.heap());
            let book = SourceBook::indexed(image.heap(), &names, Sources::from_bytes(texts));
            Pristine {
                image,
                book,
                plan,
                foreseen: Marks::default(),
            }
        })
    }

    /// What is served: a push puts more beside it.
    pub fn shelves(&self) -> Shelves {
        self.shelves.clone()
    }

    /// The way for a slave in this process.
    pub fn near(&self) -> Near {
        let mut desk = self.desk();
        Box::new(move |message| desk.answer(message))
    }

    fn desk(&self) -> Desk {
        let slave = self.next_slave.fetch_add(1, Ordering::Relaxed);
        Desk::new(self.shelves.clone(), slave, self.slaves.clone())
    }
}

impl Source for PristineSource {
    fn open(&self) -> Box<dyn Session> {
        Box::new(Stream {
            desk: self.desk(),
            kernel: self.kernel.clone(),
        })
    }
}

struct Stream {
    desk: Desk,
    kernel: Arc<KernelImage>,
}

impl Stream {
    /// Puts the kernel's fingerprint in the welcome of a slave that will start from the kernel.
    async fn name_kernel(&self, answers: &mut Vec<MasterMessage>) {
        let Some(MasterMessage::Welcome(welcome)) = answers.first_mut() else {
            return;
        };
        match self.kernel.get().await {
            Ok(kernel) => welcome.kernel_fingerprint = Some(kernel.fingerprint.0),
            Err(reason) => *answers = vec![refused(0, reason)],
        }
    }

    async fn kernel_image(&self, sequence: u64) -> MasterMessage {
        match self.kernel.get().await {
            Ok(kernel) => MasterMessage::KernelImage {
                sequence,
                image: kernel.image.clone(),
            },
            Err(reason) => refused(sequence, reason),
        }
    }
}

#[tonic::async_trait]
impl Session for Stream {
    async fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage> {
        match message {
            SlaveMessage::KernelWanted { sequence } => vec![self.kernel_image(sequence).await],
            SlaveMessage::Hello(hello) => {
                let wants_kernel = hello.seed == Seed::Kernel;
                let message = SlaveMessage::Hello(hello);
                let mut answers = block_in_place(|| self.desk.answer(message));
                if wants_kernel {
                    self.name_kernel(&mut answers).await;
                }
                answers
            }
            // Some microseconds: moving the other streams to another thread would take longer.
            message @ (SlaveMessage::Misses { .. } | SlaveMessage::Event(_)) => {
                self.desk.answer(message)
            }
            message => block_in_place(|| self.desk.answer(message)),
        }
    }

    fn note_sent(&mut self, bytes: usize) {
        self.desk.note_sent(bytes);
    }
}

fn refused(sequence: u64, reason: String) -> MasterMessage {
    MasterMessage::Refused { sequence, reason }
}
