//! The table that is printed, and the same as tab-separated values for the folder of figures.

use std::fmt::Write;
use std::time::Duration;

use super::facts::Figure;
use super::measure::{Measured, geometric_mean};
use super::peer::Peer;
use super::suite::Kind;

/// The columns left of the peers.
const HEAD: [&str; 4] = ["benchmark", "inner", "median ms", "best ms"];

/// The head of the table, one cell a column.
pub fn head(peers: &[Peer]) -> Vec<String> {
    let mut cells: Vec<String> = HEAD.map(str::to_string).to_vec();
    for peer in peers {
        cells.push(format!("{} ms", peer.name));
        cells.push(format!("{} / imprint", peer.name));
    }
    cells.push("rate".to_string());
    cells
}

/// The cells of one row.
pub fn cells(measured: &Measured) -> Vec<String> {
    let row = measured.row;
    let mut cells = vec![
        row.name.to_string(),
        row.inner.to_string(),
        millis(measured.median),
        millis(measured.best),
    ];
    for (index, peer) in measured.peers.iter().enumerate() {
        cells.push(peer.map(millis).unwrap_or_default());
        let ratio = measured.ratio(index);
        cells.push(ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default());
    }
    cells.push(rate(measured));
    cells
}

/// The cells of a fact; peers have none.
pub fn fact_cells(figure: &Figure, peers: &[Peer]) -> Vec<String> {
    let mut cells = vec![
        figure.name.clone(),
        String::new(),
        millis(figure.median),
        millis(figure.best),
    ];
    cells.extend(vec![String::new(); 2 * peers.len()]);
    cells.push(figure.words.clone());
    cells
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn rate(measured: &Measured) -> String {
    match measured.row.kind {
        Kind::Program => String::new(),
        Kind::Rate { unit, count } => {
            let count = count(measured.row.inner) as f64;
            let millions = count / measured.best.as_secs_f64() / 1e6;
            format!("{millions:.2} million {unit} a second")
        }
    }
}

/// The sentence on one peer, over all programs that it ran.
pub fn summary(all: &[Measured], index: usize, peer: &Peer) -> Option<String> {
    let mean = geometric_mean(all.iter().filter_map(|measured| measured.ratio(index)))?;
    let count = all.iter().filter_map(|row| row.ratio(index)).count();
    Some(format!(
        "{} takes {mean:.3} times as long as imprint (geometric mean of {count} programs)",
        peer.name
    ))
}

/// A line of the table: the first cell to the left, figures to the right, words to the left.
pub fn line(cells: &[String]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        let written = match index {
            0 => write!(line, "{cell:<20}"),
            _ if index + 1 == cells.len() => write!(line, "  {cell}"),
            _ => write!(line, "{cell:>14}"),
        };
        written.expect("a string takes everything");
    }
    line.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::suite::SUITE;
    use super::*;

    fn measured(own: u64, peer: Option<u64>) -> Measured {
        Measured {
            row: SUITE[0],
            median: Duration::from_millis(own),
            best: Duration::from_millis(own),
            peers: vec![peer.map(Duration::from_millis)],
        }
    }

    #[test]
    fn a_row_shows_times_and_ratio() {
        let cells = cells(&measured(50, Some(100)));
        assert_eq!(
            cells,
            ["Richards", "10", "50.00", "50.00", "100.00", "2.00", ""]
        );
        assert!(line(&cells).starts_with("Richards  "));
    }

    #[test]
    fn the_summary_counts_the_programs_that_a_peer_ran() {
        let peer: Peer = "lua=lua".parse().expect("it is one");
        let all = [
            measured(50, Some(100)),
            measured(100, Some(50)),
            measured(1, None),
        ];
        let sentence = summary(&all, 0, &peer).expect("there are ratios");
        let expected = "lua takes 1.000 times as long as imprint (geometric mean of 2 programs)";
        assert_eq!(sentence, expected);
    }
}
