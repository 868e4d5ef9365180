//! What pulling costs, and what it must not change.

use std::fs;
use std::path::Path;
use std::time::Instant;

use imprint_integration_tests::programs::{example, master, time_limit};
use serde_json::Value;

/// Shrinks the counter with a budget for what comes ahead; answers the report and the slim image.
fn shrink_with_prefetch(folder: &Path, prefetch: &str) -> (Value, Vec<u8>) {
    let counter = example("counter").display().to_string();
    let options = ["shrink", &counter, "--json", "--prefetch", prefetch];
    let ended = master(folder, &options);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = serde_json::from_str(&ended.stdout).unwrap();
    (report, fs::read(folder.join("counter.image")).unwrap())
}

#[test]
fn what_comes_ahead_of_its_time_saves_round_trips_and_changes_no_byte_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, image) = shrink_with_prefetch(folder.path(), "0");
    assert_eq!(bare["pulled"]["untouched"], 0);
    let bare_trips = bare["pulled"]["round_trips"].as_u64().unwrap();
    for budget in ["1", "700", "32000", "18446744073709551615"] {
        let (report, other) = shrink_with_prefetch(folder.path(), budget);
        assert!(image == other, "--prefetch {budget} makes another image");
        let pulled = &report["pulled"];
        assert_eq!(
            pulled["counts"]["methods"],
            bare["pulled"]["counts"]["methods"]
        );
        let trips = pulled["round_trips"].as_u64().unwrap();
        assert!(trips < bare_trips, "{budget}: {trips} of {bare_trips}");
        let ratio = pulled["bytes_per_byte_kept"].as_f64().unwrap();
        assert!(
            ratio < 2.0,
            "{budget}: {ratio} bytes pulled for each that is kept"
        );
    }
}

#[test]
fn the_counter_is_pulled_in_fewer_round_trips_than_it_has_methods() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let ended = master(folder.path(), &["shrink", &counter, "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let pulled = &report["pulled"];
    let methods = pulled["counts"]["methods"].as_u64().unwrap();
    let trips = pulled["round_trips"].as_u64().unwrap();
    assert!(trips * 2 < methods, "{trips} for {methods} methods");
    let ratio = pulled["bytes_per_byte_kept"].as_f64().unwrap();
    println!(
        "{ratio:.2} bytes pulled for each byte kept, {methods} methods in {trips} round trips"
    );
    assert!(ratio < 1.5, "{ratio} bytes pulled for each byte kept");
}

/// Shrinks the counter with a limit of pulled bytes; answers all that was shown.
fn explode(folder: &Path, limit: &str) -> String {
    let counter = example("counter").display().to_string();
    let begin = Instant::now();
    let ended = master(folder, &["shrink", &counter, "--pull-limit", limit]);
    assert_eq!(ended.code, Some(1), "{limit}: {ended:?}");
    assert!(begin.elapsed() < time_limit() / 7, "{limit}: it hung");
    assert!(!folder.join("counter.image").exists(), "{limit}");
    format!("{}{}", ended.stdout, ended.stderr)
}

#[test]
fn when_pulls_explode_each_call_site_is_told_with_its_stack_wherever_the_run_is() {
    let folder = tempfile::tempdir().unwrap();
    // In what a run begins with, in the entry expression, in the tests, and in the drills at the end.
    for limit in ["500", "20000", "45000", "60000", "80000"] {
        let shown = explode(folder.path(), limit);
        assert_eq!(
            shown.matches("pulls exploded: ").count(),
            1,
            "{limit}: {shown}"
        );
        assert!(shown.contains(">>DoIt"), "{limit}: {shown}");
        let has_lines = shown
            .lines()
            .any(|line| line.contains(">>") && line.contains("   line "));
        assert!(has_lines || limit == "500", "{limit}: {shown}");
        assert!(!shown.contains("Ghost {"), "{limit}: {shown}");
        assert!(!shown.contains("NoSource"), "{limit}: {shown}");
    }
    let counter = example("counter").display().to_string();
    let options = ["shrink", &counter, "--json", "--pull-limit", "30000"];
    let report: Value = serde_json::from_str(&master(folder.path(), &options).stdout).unwrap();
    let sites = report["pulls"]["sites"].as_array().unwrap();
    let bytes: u64 = sites
        .iter()
        .map(|site| site["bytes"].as_u64().unwrap())
        .sum();
    assert!(
        bytes <= report["pulls"]["bytes"].as_u64().unwrap(),
        "{bytes}"
    );
    assert!(
        sites
            .iter()
            .any(|site| site["stack"].as_array().unwrap().len() > 3)
    );
}

#[test]
fn the_table_tells_what_each_margin_would_have_cost_and_that_is_what_it_costs() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let mut told = Vec::new();
    for margin in ["none", "branches", "class"] {
        let options = ["shrink", &counter, "--json", "--margin", margin];
        let ended = master(folder.path(), &options);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        let margins = report["margins"].as_array().unwrap();
        let own = margins.iter().find(|cost| cost["name"] == margin).unwrap();
        assert_eq!(own["is_chosen"], true, "{margin}");
        assert_eq!(own["counts"], report["slim"]["counts"], "{margin}");
        told.push(
            margins
                .iter()
                .map(|cost| cost["counts"].clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
    let methods = |index: usize| told[0][index]["methods"].as_u64().unwrap();
    assert!(methods(0) < methods(1), "{told:?}");
    assert!(methods(1) < methods(2), "{told:?}");
}
