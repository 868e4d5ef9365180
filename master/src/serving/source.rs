//! The border to gRPC, a session for each stream; and to slaves in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imprint_bootstrap::Sources;
use imprint_daemon::Metrics;
use imprint_image::PristineImage;
use imprint_slave::remote::Near;
use imprint_trace::Marks;
use imprint_vm::install::Names;
use imprint_wire::message::{Plan, Seed};
use imprint_wire::{MasterMessage, Session, SlaveMessage, Source};
use tokio::sync::oneshot;

use super::kernel::KernelImage;
use super::owner::{Owner, Pristine, Question};
use crate::outside::SourceBook;

/// Serves what the owner has.
pub struct PristineSource {
    owner: Owner,
    kernel: Arc<KernelImage>,
    next_slave: AtomicU64,
}

impl PristineSource {
    /// A source that asks `owner`.
    pub fn new(owner: Owner) -> PristineSource {
        PristineSource {
            owner,
            kernel: Arc::default(),
            next_slave: AtomicU64::new(1),
        }
    }

    /// A source of an image that was made in this process, with the texts of its methods.
    pub fn of_bytes(bytes: Vec<u8>, texts: Vec<u8>, plan: Plan) -> PristineSource {
        PristineSource::new(Owner::start(&Metrics::new(), move || {
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
        }))
    }

    /// The way for a slave in this process: it waits for each answer, outside of all runtimes.
    pub fn near(&self) -> Near {
        let stream = self.stream();
        Box::new(move |message| {
            let (question, answer) = stream.question(message);
            match stream.owner.questions.blocking_send(question) {
                Ok(()) => answer.blocking_recv().unwrap_or_else(|_| gone()),
                Err(_) => gone(),
            }
        })
    }

    fn stream(&self) -> Stream {
        let slave = self.next_slave.fetch_add(1, Ordering::Relaxed);
        let owner = self.owner.clone();
        Stream {
            owner,
            kernel: self.kernel.clone(),
            slave,
        }
    }
}

impl Source for PristineSource {
    fn open(&self) -> Box<dyn Session> {
        Box::new(self.stream())
    }
}

struct Stream {
    owner: Owner,
    kernel: Arc<KernelImage>,
    slave: u64,
}

impl Stream {
    fn question(&self, message: SlaveMessage) -> (Question, oneshot::Receiver<Vec<MasterMessage>>) {
        let (reply, answer) = oneshot::channel();
        let question = Question::Said {
            slave: self.slave,
            message: Box::new(message),
            reply,
        };
        (question, answer)
    }

    async fn ask(&self, message: SlaveMessage) -> Vec<MasterMessage> {
        let (question, answer) = self.question(message);
        if self.owner.questions.send(question).await.is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }

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
                let mut answers = self.ask(SlaveMessage::Hello(hello)).await;
                if wants_kernel {
                    self.name_kernel(&mut answers).await;
                }
                answers
            }
            message => self.ask(message).await,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A full queue drains by itself; an owner that is gone has forgotten everybody.
        let _ = self
            .owner
            .questions
            .try_send(Question::Gone { slave: self.slave });
    }
}

fn gone() -> Vec<MasterMessage> {
    vec![refused(0, "the master is ending".to_string())]
}

fn refused(sequence: u64, reason: String) -> MasterMessage {
    MasterMessage::Refused { sequence, reason }
}
