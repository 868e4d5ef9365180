//! What pulling costs, and what it must not change.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{example, master};
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
