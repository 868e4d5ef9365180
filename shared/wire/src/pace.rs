//! How many drafts a stream may carry in a second: who asks for more waits, and nobody else does.

use std::time::{Duration, Instant};

use crate::message::MasterMessage;

/// A second's worth may come at once.
const BURST: Duration = Duration::from_secs(1);

/// The pace of one stream.
pub(crate) struct Pace {
    /// What one draft takes of a second.
    each: Duration,
    /// When all that was sent would have been, one draft after the other.
    due: Instant,
}

impl Pace {
    /// Of a stream that begins now.
    pub fn new(drafts_a_second: u32, now: Instant) -> Pace {
        Pace {
            each: Duration::from_secs(1) / drafts_a_second.max(1),
            due: now,
        }
    }

    /// An answer is sent now: each of its drafts counts, and so does the answer.
    pub fn note(&mut self, answer: &MasterMessage, now: Instant) {
        let drafts = match answer {
            MasterMessage::Drafts(drafts) => drafts.bundle.placed.len(),
            _ => 0,
        };
        let count = u32::try_from(1 + drafts).unwrap_or(u32::MAX);
        self.due = self.due.max(now) + self.each.saturating_mul(count);
    }

    /// How long the stream has to wait now, where it was too quick.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let ahead = self.due.saturating_duration_since(now);
        ahead.checked_sub(BURST).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> MasterMessage {
        MasterMessage::Text {
            sequence: 1,
            text: None,
            line: 0,
            stamp: None,
        }
    }

    /// How long so many answers take, one after the other, from `now` on.
    fn time_of(pace: &mut Pace, count: usize, mut now: Instant) -> Duration {
        let begin = now;
        for _ in 0..count {
            pace.note(&answer(), now);
            now += pace.wait(now).unwrap_or_default();
        }
        now - begin
    }

    #[test]
    fn a_second_comes_at_once_and_then_one_after_the_other() {
        let begin = Instant::now();
        let took = |count| time_of(&mut Pace::new(100, begin), count, begin);
        assert_eq!(took(100), Duration::ZERO);
        assert_eq!(took(150), Duration::from_millis(500));
    }

    #[test]
    fn who_was_quiet_has_gathered_no_more_than_a_second() {
        let begin = Instant::now();
        let mut pace = Pace::new(100, begin);
        let later = begin + Duration::from_secs(100);
        assert_eq!(time_of(&mut pace, 150, later), Duration::from_millis(500));
    }
}
