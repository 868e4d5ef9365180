//! The border to gRPC: a session for each stream.

use std::sync::atomic::{AtomicU64, Ordering};

use imprint_wire::{MasterMessage, Session, SlaveMessage, Source};
use tokio::sync::oneshot;

use super::owner::{Owner, Question};

/// Serves what the owner has.
pub struct PristineSource {
    owner: Owner,
    next_slave: AtomicU64,
}

impl PristineSource {
    /// A source that asks `owner`.
    pub fn new(owner: Owner) -> PristineSource {
        PristineSource {
            owner,
            next_slave: AtomicU64::new(1),
        }
    }
}

impl Source for PristineSource {
    fn open(&self) -> Box<dyn Session> {
        let slave = self.next_slave.fetch_add(1, Ordering::Relaxed);
        Box::new(Stream {
            owner: self.owner.clone(),
            slave,
        })
    }
}

struct Stream {
    owner: Owner,
    slave: u64,
}

#[tonic::async_trait]
impl Session for Stream {
    async fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage> {
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
    vec![MasterMessage::Refused {
        sequence: 0,
        reason: "the master is ending".to_string(),
    }]
}
