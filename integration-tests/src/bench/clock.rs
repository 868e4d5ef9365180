//! What is counted as the time of an iteration.
//!
//! Where a computer does other work as well, the time on the wall says more about that work; then
//! the time that a program had of a processor is the fairer figure. It is what the system tells of
//! this thread, to the nanosecond, and of peers, which are children of this process, to the hundredth of
//! a second.

use std::fs;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::time::{ClockId, clock_gettime};

use super::machine::Failed;

/// How the system counts the times of processes.
const TICKS_A_SECOND: u64 = 100;
/// Where the ticks of this process stand in `/proc/self/stat`, behind the program's name.
const OWN_TICKS: [usize; 2] = [11, 12];
/// Where those of children that ended stand.
const CHILDREN_TICKS: [usize; 2] = [13, 14];

/// A clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Clock {
    /// The time that passes.
    #[default]
    Wall,
    /// The time on a processor.
    Cpu,
}

impl Clock {
    /// How long `work` took this thread, and what it answers.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn of_thread<T>(self, work: impl FnOnce() -> T) -> Result<(Duration, T), Failed> {
        let begin = Instant::now();
        let before = thread_time()?;
        let answer = work();
        let elapsed = match self {
            Clock::Wall => begin.elapsed(),
            Clock::Cpu => thread_time()?.saturating_sub(before),
        };
        Ok((elapsed, answer))
    }
}

/// How long this thread has had a processor.
fn thread_time() -> Result<Duration, Failed> {
    Ok(clock_gettime(ClockId::ThreadCPUTime).try_into()?)
}

/// The time that all children of this process had which ended.
///
/// # Errors
/// Where the system does not tell.
pub fn of_children() -> Result<Duration, Failed> {
    of_ticks(CHILDREN_TICKS)
}

/// The time that all threads of this process had, those that ended too.
///
/// # Errors
/// Where the system does not tell.
pub fn of_process() -> Result<Duration, Failed> {
    of_ticks(OWN_TICKS)
}

fn of_ticks(positions: [usize; 2]) -> Result<Duration, Failed> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let mut ticks = 0;
    for field in positions {
        ticks += fields.get(field).unwrap_or(&"").parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_that_sleeps_has_no_processor() {
        let sleep = || thread::sleep(Duration::from_millis(50));
        let (wall, ()) = Clock::Wall.of_thread(sleep).expect("it is told");
        let (cpu, ()) = Clock::Cpu.of_thread(sleep).expect("it is told");
        assert!(wall >= Duration::from_millis(50), "{wall:?}");
        assert!(cpu < Duration::from_millis(25), "{cpu:?}");
    }

    #[test]
    fn children_count_when_they_have_ended() {
        let before = of_children().expect("it is told");
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let status = Command::new("sh").args(["-c", script]).status();
        assert!(status.is_ok_and(|status| status.success()));
        assert!(of_children().expect("it is told") > before);
    }
}
