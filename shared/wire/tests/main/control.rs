//! Orders to a running daemon.

use std::sync::Arc;
use std::time::Duration;

use imprint_wire::control::{
    Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport,
};
use imprint_wire::message::{Event, TestName};
use imprint_wire::{Control, Controller, Credentials, Services, WireError};
use tokio::sync::mpsc;

use crate::daemon::{ANY_PORT, Daemon};

/// Runs one test, and refuses everything else.
struct Obedient;

fn test_name() -> TestName {
    TestName {
        class: "FooTest".into(),
        selector: "testA".into(),
    }
}

fn progress() -> Vec<Progress> {
    vec![
        Progress::Event(Event::TestStarted(test_name())),
        Progress::Finished {
            exit_code: 0,
            text: "1 of 1".into(),
        },
    ]
}

#[tonic::async_trait]
impl Control for Obedient {
    async fn status(&self) -> StatusReport {
        StatusReport {
            program: "slave".into(),
            state: "waiting".into(),
            ..StatusReport::default()
        }
    }

    async fn run(&self, order: RunOrder) -> Result<mpsc::Receiver<Progress>, String> {
        if order.limit.is_none() {
            return Err("give a limit".into());
        }
        let (sender, receiver) = mpsc::channel(4);
        for step in progress() {
            sender.send(step).await.unwrap();
        }
        Ok(receiver)
    }

    async fn snapshot(&self, _order: SnapshotOrder) -> Result<SnapshotReport, String> {
        Err("nothing ran yet".into())
    }

    async fn stop(&self, _grace: Duration) -> Result<(), String> {
        Ok(())
    }
}

fn run_order(limit: Option<Duration>) -> RunOrder {
    RunOrder {
        what: Runnable::Tests {
            tests: vec![test_name()],
            packages: vec![],
        },
        limit,
    }
}

#[test]
fn orders_are_carried_out_and_refusals_are_told() {
    let services = Services::new().with_control(Arc::new(Obedient));
    let daemon = Daemon::start(ANY_PORT, services);
    let mut controller = Controller::connect(&daemon.url, &Credentials::default()).unwrap();
    assert_eq!(controller.status().unwrap().state, "waiting");

    let mut heard = Vec::new();
    let limit = Some(Duration::from_secs(1));
    let ended = controller.run(run_order(limit), |step| heard.push(step.clone()));
    assert_eq!(ended, Ok((0, "1 of 1".to_string())));
    assert_eq!(heard, progress());

    let refused = controller.run(run_order(None), |_| {});
    assert_eq!(refused, Err(WireError::Refused("give a limit".into())));
    let order = SnapshotOrder {
        path: "a.image".into(),
        options: vec![],
    };
    let refused = controller.snapshot(order);
    assert_eq!(refused, Err(WireError::Refused("nothing ran yet".into())));
    assert_eq!(controller.stop(Duration::from_secs(1)), Ok(()));
}
