//! One slave's pull stream, as whoever serves it reads it: each answer is made when the one before it was taken.
//!
//! ```text
//!   questions ── Conversation: decode, Session::answer, encode ── Answers (a stream) ── HTTP/2
//!                                                                    │
//!                                  Guard: what nobody reads is dropped after a while
//! ```
//!
//! The task that writes the answers makes them too: handing each from one task to another took as long as
//! making it. So nothing is asked of the session while the slave does not read, and its own questions wait in
//! the windows of HTTP/2.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio_stream::Stream;
use tonic::{Status, Streaming};

use crate::bundles::BundleWriter;
use crate::convert::said;
use crate::message::{MasterMessage, SlaveMessage};
use crate::pace::Pace;
use crate::pb;
use crate::pb::master_message::Message;
use crate::server::Session;

/// A slave that reads no answer for so long has gone, whatever its connection says.
const UNREAD_LIMIT: Duration = Duration::from_secs(30);

type Answer = Result<pb::MasterMessage, Status>;
/// The next answer on its way, and who makes the one behind it.
type Turn = Pin<Box<dyn Future<Output = Option<(Answer, Conversation)>> + Send>>;

/// One slave's stream from hello to end.
pub(crate) struct Conversation {
    session: Box<dyn Session>,
    questions: Streaming<pb::SlaveMessage>,
    pace: Pace,
    /// Made for the first message: what comes first decides, since later parts are read by what the earlier
    /// ones left behind.
    bundles: Option<BundleWriter>,
    /// Answers to the last question that were not taken yet.
    ready: std::vec::IntoIter<MasterMessage>,
    /// Nothing is said any more.
    is_over: bool,
}

impl Conversation {
    /// A session that was asked nothing yet.
    pub fn new(
        session: Box<dyn Session>,
        questions: Streaming<pb::SlaveMessage>,
        pace: Pace,
    ) -> Conversation {
        Conversation {
            session,
            questions,
            pace,
            bundles: None,
            ready: Vec::new().into_iter(),
            is_over: false,
        }
    }

    /// The next answer; nothing where the slave has gone, or was refused.
    async fn turn(mut self) -> Option<(Answer, Conversation)> {
        while !self.is_over {
            if let Some(answer) = self.ready.next() {
                return Some((Ok(self.encoded(answer)), self));
            }
            if let Some(wait) = self.pace.wait(Instant::now()) {
                tokio::time::sleep(wait).await;
            }
            // An error of the transport is an end like any other: the slave is gone.
            let question = self.questions.message().await.ok().flatten()?;
            match SlaveMessage::try_from(question) {
                Ok(message) => {
                    self.bundles.get_or_insert_with(|| writer_for(&message));
                    self.ready = self.session.answer(message).await.into_iter();
                }
                Err(error) => {
                    self.is_over = true;
                    return Some((Err(Status::invalid_argument(error.to_string())), self));
                }
            }
        }
        None
    }

    fn encoded(&mut self, answer: MasterMessage) -> pb::MasterMessage {
        self.is_over = matches!(answer, MasterMessage::Refused { sequence: 0, .. });
        self.pace.note(&answer, Instant::now());
        let bundles = self
            .bundles
            .get_or_insert_with(|| BundleWriter::of(u64::MAX));
        let answer = said(answer, bundles);
        if let Some(Message::Drafts(drafts)) = &answer.message {
            self.session.note_sent(drafts.bundle.len());
        }
        answer
    }
}

/// The writer of a stream that begins with this message.
fn writer_for(message: &SlaveMessage) -> BundleWriter {
    BundleWriter::of(match message {
        SlaveMessage::Hello(hello) => hello.prefetch_bytes,
        _ => u64::MAX,
    })
}

/// What whoever writes the answers, and who guards them, share.
struct Reading {
    /// Nothing once the conversation is over.
    turn: Option<Turn>,
    /// When the last answer was taken, as long as the next was not asked for.
    unread_since: Option<Instant>,
}

/// The answers to one slave.
pub(crate) struct Answers(Arc<Mutex<Reading>>);

impl Answers {
    /// Those of a conversation, which ends where nobody reads it; in a runtime.
    pub fn of(conversation: Conversation) -> Answers {
        let answers = Answers::guarded(Box::pin(conversation.turn()));
        tokio::spawn(guard(Arc::downgrade(&answers.0), UNREAD_LIMIT));
        answers
    }

    fn guarded(turn: Turn) -> Answers {
        Answers(Arc::new(Mutex::new(Reading {
            turn: Some(turn),
            unread_since: None,
        })))
    }
}

impl Stream for Answers {
    type Item = Answer;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.unread_since = None;
        let Some(turn) = &mut reading.turn else {
            return Poll::Ready(None);
        };
        let taken = ready!(turn.as_mut().poll(context));
        let (answer, rest) = taken.unzip();
        reading.turn = rest.map(|conversation| Box::pin(conversation.turn()) as Turn);
        reading.unread_since = Some(Instant::now());
        Poll::Ready(answer)
    }
}

/// Ends a conversation of which nothing is read for so long: what it holds is given back, though the connection
/// stays.
async fn guard(reading: Weak<Mutex<Reading>>, limit: Duration) {
    loop {
        tokio::time::sleep(limit / 2).await;
        let Some(reading) = reading.upgrade() else {
            return;
        };
        // Who holds it reads just now.
        let Ok(mut reading) = reading.try_lock() else {
            continue;
        };
        let is_unread = |since: Instant| since.elapsed() >= limit;
        if reading.turn.is_none() || reading.unread_since.is_some_and(is_unread) {
            reading.turn = None;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);

    /// Whether a conversation still holds what it held, once somebody has guarded it for three times its limit.
    fn is_kept(unread_since: Option<Instant>) -> bool {
        let held = Arc::new(());
        let kept = held.clone();
        let answers = Answers::guarded(Box::pin(async move {
            let _kept = kept;
            std::future::pending().await
        }));
        answers.0.lock().unwrap().unread_since = unread_since;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::spawn(guard(Arc::downgrade(&answers.0), LIMIT));
            tokio::time::sleep(LIMIT * 3).await;
        });
        Arc::strong_count(&held) > 1
    }

    #[test]
    fn what_nobody_reads_is_given_back_and_who_waits_for_an_answer_keeps_all() {
        assert!(!is_kept(Some(Instant::now())));
        assert!(is_kept(None));
    }
}
