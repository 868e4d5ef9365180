//! Running rows and peers in turn, and what is made of their times.

use std::time::Duration;

use super::clock::Clock;
use super::machine::{Failed, Machine};
use super::peer::Peer;
use super::suite::{Kind, Row};

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Turns in which this machine and each peer run, one after the other.
    pub rounds: u64,
    /// Iterations of each turn.
    pub iterations: u64,
    /// How they are timed.
    pub clock: Clock,
}

/// What a row took, here and elsewhere.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The row.
    pub row: Row,
    /// The median time of an iteration.
    pub median: Duration,
    /// The quickest iteration.
    pub best: Duration,
    /// The quickest iteration of each peer that runs the row, by its position.
    pub peers: Vec<Option<Duration>>,
}

impl Measured {
    /// How many times as long as this machine a peer takes: the quickest of each, since whatever
    /// else a computer does only adds to a time.
    pub fn ratio(&self, peer: usize) -> Option<f64> {
        let other = (*self.peers.get(peer)?)?;
        Some(other.as_secs_f64() / self.best.as_secs_f64())
    }
}

/// Measures a row: a first iteration that does not count, then rounds in which all take turns.
///
/// # Errors
/// Where a result is wrong, or a peer fails.
pub fn measure(
    machine: &mut Machine,
    row: Row,
    peers: &[Peer],
    effort: Effort,
) -> Result<Measured, Failed> {
    let source = row.source(row.inner);
    machine.time(&source)?;
    let mut own = Vec::new();
    let mut others = vec![Vec::new(); peers.len()];
    for _ in 0..effort.rounds {
        for _ in 0..effort.iterations {
            own.push(machine.time_by(effort.clock, &source)?);
        }
        if matches!(row.kind, Kind::Program) {
            for (peer, times) in peers.iter().zip(&mut others) {
                times.extend(peer.run(effort, row.name, row.inner)?);
            }
        }
    }
    Ok(Measured {
        row,
        best: own.iter().copied().min().unwrap_or_default(),
        median: median(own).unwrap_or_default(),
        peers: others
            .into_iter()
            .map(|times| times.into_iter().min())
            .collect(),
    })
}

/// The middle one of some times.
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The geometric mean of some ratios.
pub fn geometric_mean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.map(f64::ln).collect();
    let count = logarithms.len() as f64;
    (count > 0.0).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometric_mean_weighs_halves_against_doubles() {
        let mean = geometric_mean([0.5, 2.0, 1.0].into_iter()).expect("there are ratios");
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        assert_eq!(geometric_mean(std::iter::empty()), None);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        let times = [3, 1, 2].map(Duration::from_micros).to_vec();
        assert_eq!(median(times), Some(Duration::from_micros(2)));
        assert_eq!(median(Vec::new()), None);
    }
}
