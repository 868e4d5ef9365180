//! How long collections stopped the program: a histogram with four steps to each doubling, so
//! that a percentile is true to a fourth and recording costs two instructions.
//!
//! ```text
//!  microseconds   0 1 2 3 4 5 6 7 | 8-9 10-11 12-13 14-15 | 16-19 20-23 24-27 28-31 | 32-39 ...
//! ```

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Steps within one doubling.
const STEPS: usize = 4;
/// Pauses below this many microseconds have a step of their own.
const EXACT: u64 = 2 * STEPS as u64;
/// Enough steps for 2^40 microseconds, twelve days.
const STEP_COUNT: usize = EXACT as usize + 37 * STEPS;

/// The pauses of one kind of collection: what the program waited, and what the collector worked of
/// that, which is less where other work has the processor.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Pauses {
    pub(crate) wall: PauseHistogram,
    pub(crate) processor: PauseHistogram,
}

impl Pauses {
    /// Takes in a pause that ends now.
    pub(crate) fn record(&mut self, begin: &PauseBegin) {
        self.wall.record(begin.wall.elapsed());
        self.processor
            .record(processor_time().saturating_sub(begin.processor));
    }
}

/// When a pause began, by both clocks.
pub(crate) struct PauseBegin {
    wall: Instant,
    processor: Duration,
}

impl PauseBegin {
    pub(crate) fn now() -> PauseBegin {
        PauseBegin {
            wall: Instant::now(),
            processor: processor_time(),
        }
    }
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

/// How many pauses were how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PauseHistogram {
    counts: [u64; STEP_COUNT],
    count: u64,
    total: Duration,
    longest: Duration,
}

impl Default for PauseHistogram {
    fn default() -> PauseHistogram {
        PauseHistogram {
            counts: [0; STEP_COUNT],
            count: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
        }
    }
}

impl PauseHistogram {
    /// Takes one pause in.
    pub(crate) fn record(&mut self, pause: Duration) {
        let micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.counts[step_of(micros)] += 1;
        self.count += 1;
        self.total += pause;
        self.longest = self.longest.max(pause);
    }

    /// How many pauses there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All pauses together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest pause.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The pause that `share` (0 to 1) of all pauses do not exceed, true to a fourth of it; zero
    /// where there was none.
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (self.count as f64 * share.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (last_micros, count) in self.steps() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(last_micros).min(self.longest);
            }
        }
        Duration::ZERO
    }

    /// The steps that hold any pause: the longest it takes in microseconds, and how many.
    pub fn steps(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counted = self.counts.iter().enumerate();
        counted
            .filter(|(_, count)| **count > 0)
            .map(|(step, count)| (first_of(step + 1) - 1, *count))
    }
}

fn step_of(micros: u64) -> usize {
    if micros < EXACT {
        return micros as usize;
    }
    let doubling = micros.ilog2() as usize;
    let within = (micros >> (doubling - 2)) as usize - STEPS;
    (EXACT as usize + (doubling - 3) * STEPS + within).min(STEP_COUNT - 1)
}

/// The shortest pause of a step.
fn first_of(step: usize) -> u64 {
    if step < EXACT as usize {
        return step as u64;
    }
    let (doubling, within) = ((step - EXACT as usize) / STEPS + 3, step % STEPS);
    ((STEPS + within) as u64) << (doubling - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(micros: impl IntoIterator<Item = u64>) -> PauseHistogram {
        let mut pauses = PauseHistogram::default();
        for micros in micros {
            pauses.record(Duration::from_micros(micros));
        }
        pauses
    }

    #[test]
    fn each_pause_falls_into_the_step_that_spans_it() {
        for micros in (0..5_000).chain([1 << 20, (1 << 30) + 17, (1 << 39) - 1]) {
            let step = step_of(micros);
            assert!(first_of(step) <= micros, "{micros}");
            assert!(micros < first_of(step + 1), "{micros}");
        }
        assert_eq!(step_of(u64::MAX), STEP_COUNT - 1);
    }

    #[test]
    fn a_percentile_is_true_to_a_fourth() {
        let pauses = histogram(1..=1000);
        for (share, exact) in [(0.5, 500), (0.9, 900), (0.99, 990), (1.0, 1000)] {
            let found = pauses.percentile(share).as_micros();
            assert!((exact..=exact * 5 / 4).contains(&found), "{share}: {found}");
        }
        assert_eq!(pauses.count(), 1000);
        assert_eq!(pauses.longest(), Duration::from_micros(1000));
        assert_eq!(pauses.total(), Duration::from_micros(500_500));
    }

    #[test]
    fn without_pauses_everything_is_zero() {
        let pauses = PauseHistogram::default();
        assert_eq!(pauses.percentile(0.99), Duration::ZERO);
        assert_eq!(pauses.steps().count(), 0);
    }

    #[test]
    fn steps_tell_their_bound_and_count() {
        let pauses = histogram([3, 3, 9, 40]);
        let steps: Vec<_> = pauses.steps().collect();
        assert_eq!(steps, [(3, 2), (9, 1), (47, 1)]);
    }
}
