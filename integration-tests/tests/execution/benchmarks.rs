//! The programs of the benchmark suite answer what they must.

use imprint_integration_tests::bench::machine::Machine;
use imprint_integration_tests::bench::suite::SUITE;

#[test]
fn every_benchmark_has_the_right_result() {
    let mut machine = Machine::new().expect("the programs build");
    for row in SUITE {
        let timed = machine.time(&row.source(row.smoke));
        assert!(timed.is_ok(), "{}: {:?}", row.name, timed.err());
    }
}

#[test]
fn a_wrong_result_is_not_a_time() {
    let mut machine = Machine::new().expect("the programs build");
    let error = machine
        .time("Bounce new isRight: 3")
        .expect_err("it is 1331");
    assert!(error.to_string().contains("the result is wrong"), "{error}");
}
