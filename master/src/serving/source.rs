//! The border to gRPC: a session for each stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imprint_wire::message::Seed;
use imprint_wire::{MasterMessage, Session, SlaveMessage, Source};
use tokio::sync::oneshot;

use super::kernel::KernelImage;
use super::owner::{Owner, Question};

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
}

impl Source for PristineSource {
    fn open(&self) -> Box<dyn Session> {
        let slave = self.next_slave.fetch_add(1, Ordering::Relaxed);
        Box::new(Stream {
            owner: self.owner.clone(),
            kernel: self.kernel.clone(),
            slave,
        })
    }
}

struct Stream {
    owner: Owner,
    kernel: Arc<KernelImage>,
    slave: u64,
}

impl Stream {
    async fn ask(&self, message: SlaveMessage) -> Vec<MasterMessage> {
        let (reply, answer) = oneshot::channel();
        let question = Question::Said {
            slave: self.slave,
            message: Box::new(message),
            reply,
        };
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
