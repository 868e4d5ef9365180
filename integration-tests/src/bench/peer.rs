//! Another virtual machine, given as the command of an are-we-fast-yet harness.

use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use super::clock::{self, Clock};
use super::machine::Failed;
use super::measure::Effort;

/// A peer: what the user calls it, and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The head of its column.
    pub name: String,
    /// A command of the shell in which `{benchmark}`, `{iterations}` and `{inner}` are replaced;
    /// where none of them stands in it, all three follow it.
    pub command: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let (name, command) = text
            .split_once('=')
            .ok_or("a peer is given as NAME='command'")?;
        if name.is_empty() || command.trim().is_empty() {
            return Err("a peer has a name and a command: NAME='command'".to_string());
        }
        Ok(Peer {
            name: name.to_string(),
            command: command.to_string(),
        })
    }
}

impl Peer {
    fn filled(&self, benchmark: &str, iterations: u64, inner: u64) -> String {
        if !self.command.contains('{') {
            return format!("{} {benchmark} {iterations} {inner}", self.command);
        }
        self.command
            .replace("{benchmark}", benchmark)
            .replace("{iterations}", &iterations.to_string())
            .replace("{inner}", &inner.to_string())
    }

    /// Runs a benchmark; the time of each iteration, or by the time on a processor the mean of all,
    /// its start included.
    ///
    /// # Errors
    /// Where the command fails, or prints no time.
    pub fn run(
        &self,
        effort: Effort,
        benchmark: &str,
        inner: u64,
    ) -> Result<Vec<Duration>, Failed> {
        let command = self.filled(benchmark, effort.iterations, inner);
        let before = clock::of_children()?;
        let output = Command::new("sh")
            .args(["-c", &command])
            .stdin(Stdio::null())
            .output()?;
        let times = times_in(&String::from_utf8_lossy(&output.stdout));
        if !output.status.success() || times.is_empty() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("`{command}` gave no time: {} {words}", output.status).into());
        }
        match effort.clock {
            Clock::Wall => Ok(times),
            Clock::Cpu => {
                let spent = clock::of_children()?.saturating_sub(before);
                Ok(vec![spent / times.len() as u32])
            }
        }
    }
}

/// The times in the lines `Name: iterations=1 runtime: 123us`. Lines that sum up iterations
/// (`average:`, `total:`) hold none.
fn times_in(text: &str) -> Vec<Duration> {
    let micros = text.lines().filter_map(|line| {
        let (head, rest) = line.split_once("runtime:")?;
        let is_one = head.contains("iterations=1 ");
        let digits = rest.trim().strip_suffix("us")?;
        is_one.then(|| digits.trim().parse().ok()).flatten()
    });
    micros.map(Duration::from_micros).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_name_and_a_command() {
        let peer: Peer = "lua=cd lua && lua harness.lua".parse().expect("it is one");
        assert_eq!(peer.name, "lua");
        assert_eq!(
            peer.filled("Bounce", 3, 150),
            "cd lua && lua harness.lua Bounce 3 150"
        );
        for wrong in ["lua", "=lua", "lua= "] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_template_says_where_the_arguments_go() {
        let peer: Peer = "vm=run -n {iterations} {benchmark}:{inner}"
            .parse()
            .expect("it is one");
        assert_eq!(peer.filled("List", 2, 7), "run -n 2 List:7");
    }

    #[test]
    fn times_are_taken_from_the_lines_of_iterations_only() {
        let text = "Starting Bounce benchmark ...\n\
                    Bounce: iterations=1 runtime: 1500us\n\
                    Bounce: iterations=1 runtime: 1700us\n\
                    Bounce: iterations=2 average: 1600us total: 3200us\n\
                    Total Runtime: 3200us\n";
        let expected = [1500, 1700].map(Duration::from_micros);
        assert_eq!(times_in(text), expected);
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let peer: Peer = "none=false".parse().expect("it is one");
        let effort = Effort {
            rounds: 1,
            iterations: 1,
            clock: Clock::Wall,
        };
        let error = peer.run(effort, "Bounce", 1).expect_err("it fails");
        let error = error.to_string();
        assert!(error.contains("`false Bounce 1 1` gave no time"), "{error}");
    }
}
