//! Every message reads back; what no sound peer sends is refused.

use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{
    BehaviorName, CompileRequest, Draft, Miss, ObjectDraft, Placed, Ref, Surroundings,
};
use imprint_model::{Ghost, Known};

use super::{heard, said};
use crate::bundles::{BundleReader, BundleWriter};
use crate::control::{Progress, RunOrder, Runnable, SnapshotOrder, SnapshotReport, StatusReport};
use crate::message::{
    AgreedClass, Agreement, ClassEntry, CodePosition, Drafts, Event, Hello, Level, Marks,
    MasterMessage, OfferedClass, Outcome, Plan, Seed, SlaveMessage, TestFinished, TestName,
    Welcome,
};
use crate::{InvalidMessage, pb};

const GHOST: Ghost = Ghost { id: 77, hash: 5 };

fn test_name() -> TestName {
    TestName {
        class: "FooTest".into(),
        selector: "testA".into(),
    }
}

fn hello() -> Hello {
    Hello {
        seed: Seed::Image([2; 32]),
        locale: "en_GB".into(),
        time_zone: "Europe/Berlin".into(),
        ..Hello::empty("0.1.0")
    }
}

fn offered() -> Vec<OfferedClass> {
    let class = OfferedClass {
        name: "Foo".into(),
        shape: u64::MAX,
        digest: 3,
        identities: vec![7, 1 << 63],
    };
    let bare = OfferedClass {
        identities: vec![],
        ..class.clone()
    };
    vec![class, bare]
}

fn misses() -> Vec<Miss> {
    vec![
        Miss::Object(GHOST),
        Miss::Method {
            behavior: BehaviorName::class("Foo"),
            selector: "bar".into(),
            ghost: GHOST,
        },
        Miss::ClassIndex(1024),
        Miss::Class("Foo".into()),
        Miss::Known(Known::Smalltalk),
        Miss::Global("Undeclared".into()),
    ]
}

fn events() -> Vec<Event> {
    let finished = |outcome| TestFinished {
        test: test_name(),
        outcome,
        text: "expected 3".into(),
        micros: 12,
    };
    let marks = Marks {
        epoch: "start-up".into(),
        ids: vec![1, 1 << 35],
    };
    let mut events = vec![
        Event::TestStarted(test_name()),
        Event::Marks(marks),
        Event::LogLine(Level::Warning, "careful".into()),
        Event::Pruned(BehaviorName::class("Foo"), "bar".into()),
    ];
    events.extend(
        [
            Outcome::Passed,
            Outcome::Failed,
            Outcome::Errored,
            Outcome::Pruned,
            Outcome::TimedOut,
            Outcome::Skipped,
            Outcome::NeedsCompiler,
        ]
        .map(|outcome| Event::TestFinished(finished(outcome))),
    );
    events
}

#[test]
fn what_a_slave_says_reads_back() {
    let request = CompileRequest {
        behavior: BehaviorName::class("Foo"),
        source: "bar ^ a".into(),
        protocol: "accessing".into(),
        is_expression: false,
        surroundings: Surroundings {
            shape: 7,
            instance_variables: vec!["a".into()],
            lineage: vec!["Foo".into(), "Object".into()],
            class_variables: vec![("Foo".into(), "Count".into())],
            globals: vec![("Bar".into(), true), ("Seven".into(), false)],
        },
    };
    let mut messages = vec![
        SlaveMessage::Hello(hello()),
        SlaveMessage::Hello(Hello::empty("0.1.0")),
        SlaveMessage::Misses {
            sequence: 1,
            misses: misses(),
        },
        SlaveMessage::Compile {
            sequence: 2,
            request,
        },
        SlaveMessage::MethodSource {
            sequence: 3,
            behavior: BehaviorName::meta("Foo"),
            selector: "new".into(),
            position: None,
        },
        SlaveMessage::MethodSource {
            sequence: 4,
            behavior: BehaviorName::class("Foo"),
            selector: "at:".into(),
            position: Some(CodePosition {
                path: vec![3, 0],
                offset: 12,
            }),
        },
    ];
    messages.extend(events().into_iter().map(SlaveMessage::Event));
    messages.push(SlaveMessage::Offer {
        sequence: 5,
        classes: offered(),
    });
    messages.push(SlaveMessage::KernelWanted { sequence: 6 });
    for seed in [Seed::Empty, Seed::Kernel] {
        messages.push(SlaveMessage::Hello(Hello { seed, ..hello() }));
    }
    for message in messages {
        let sent = pb::SlaveMessage::from(message.clone());
        assert_eq!(SlaveMessage::try_from(sent), Ok(message));
    }
}

fn welcome() -> Welcome {
    let entry = ClassEntry {
        name: "Foo".into(),
        index: 1024,
        meta_index: 1025,
    };
    Welcome {
        image_fingerprint: [3; 32],
        protocol: 1,
        master_version: "0.1.0".into(),
        warnings: vec!["3 classes differ".into()],
        classes: vec![entry],
        plan: Plan {
            tests: vec![test_name()],
            entry: "3 + 4".into(),
            options: vec![("keep".into(), "Foo".into())],
        },
        kernel_fingerprint: Some([6; 32]),
    }
}

fn agreement() -> Agreement {
    Agreement {
        sequence: 8,
        classes: vec![
            AgreedClass::Same,
            AgreedClass::Absent,
            AgreedClass::Other {
                indices: (1024, 1025),
                has_other_shape: true,
                parts: vec![0, 3],
            },
        ],
        numbers: vec![1, 2, 3],
    }
}

#[test]
fn what_a_master_says_reads_back() {
    let object = Draft::Object(ObjectDraft {
        root: Ref::Global("Foo".into()),
        locals: vec![],
    });
    let drafts = Drafts {
        sequence: 9,
        bundle: Bundle {
            placed: vec![Placed {
                id: 4,
                ..Placed::nowhere(object)
            }],
            asked: 1,
            aliases: vec![(GHOST, Ref::class("Foo"))],
            classes: vec![("Foo".into(), 1024, 1025)],
        },
    };
    let (mut writer, mut reader) = (BundleWriter::of(0), BundleReader::default());
    for message in [
        MasterMessage::Welcome(welcome()),
        MasterMessage::Agreement(agreement()),
        MasterMessage::Drafts(drafts),
        MasterMessage::Agreement(agreement()),
        MasterMessage::KernelImage {
            sequence: 4,
            image: vec![9; 5000].into(),
        },
        MasterMessage::Compiled {
            sequence: 2,
            result: Err("line 1: what?".into()),
        },
        MasterMessage::Text {
            sequence: 3,
            text: None,
            line: 0,
            stamp: None,
        },
        MasterMessage::Text {
            sequence: 3,
            text: Some(String::new()),
            line: 4,
            stamp: Some("ada 2026-01-02".into()),
        },
        MasterMessage::Refused {
            sequence: 0,
            reason: "no".into(),
        },
    ] {
        let sent = said(message.clone(), &mut writer);
        assert_eq!(heard(sent, &mut reader), Ok(message));
    }
}

#[test]
fn orders_and_reports_read_back() {
    let orders = [
        Runnable::Expression("3 + 4".into()),
        Runnable::Tests {
            tests: vec![test_name()],
            packages: vec!["Foo-Tests".into()],
        },
    ];
    for (what, limit) in orders
        .into_iter()
        .zip([None, Some(std::time::Duration::from_secs(3))])
    {
        let order = RunOrder { what, limit };
        assert_eq!(
            RunOrder::try_from(pb::RunOrder::from(order.clone())),
            Ok(order)
        );
    }
    let report = StatusReport {
        program: "slave".into(),
        fingerprint: Some([4; 32]),
        figures: vec![("pulls".into(), 3)],
        ..StatusReport::default()
    };
    assert_eq!(
        StatusReport::try_from(pb::StatusReport::from(report.clone())),
        Ok(report)
    );
    let snapshot = SnapshotReport {
        path: "a.image".into(),
        bytes: 612,
        fingerprint: [5; 32],
        warnings: vec![],
    };
    assert_eq!(
        SnapshotReport::try_from(pb::SnapshotReport::from(snapshot.clone())),
        Ok(snapshot)
    );
    let finished = Progress::Finished {
        exit_code: 1,
        text: "no".into(),
    };
    assert_eq!(
        Progress::try_from(pb::Progress::from(finished.clone())),
        Ok(finished)
    );
    let nowhere = pb::SnapshotOrder::default();
    assert_eq!(
        SnapshotOrder::try_from(nowhere),
        Err(InvalidMessage::Missing("path"))
    );
}

#[test]
fn what_no_sound_peer_sends_is_refused() {
    let refused = |message: pb::slave_message::Message, expected: &str| {
        let message = pb::SlaveMessage {
            message: Some(message),
        };
        let error = SlaveMessage::try_from(message).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    };
    use pb::slave_message::Message;
    let nothing = SlaveMessage::try_from(pb::SlaveMessage { message: None });
    assert_eq!(nothing, Err(InvalidMessage::Missing("message")));
    refused(Message::Hello(pb::Hello::default()), "without its seed");
    refused(Message::Misses(pb::Misses::default()), "invalid sequence");
    let known = pb::Miss {
        what: Some(pb::miss::What::Known(11)),
    };
    let misses = pb::Misses {
        sequence: 1,
        misses: vec![known],
    };
    refused(Message::Misses(misses), "invalid known object");
    let ghost = pb::Ghost {
        id: u64::MAX,
        hash: 0,
    };
    let object = pb::Miss {
        what: Some(pb::miss::What::Object(ghost)),
    };
    let misses = pb::Misses {
        sequence: 1,
        misses: vec![object],
    };
    refused(Message::Misses(misses), "invalid ghost");
    let nameless = pb::Offer {
        sequence: 1,
        classes: vec![pb::OfferedClass::default()],
    };
    refused(Message::Offer(nameless), "without its class name");
}

#[test]
fn an_agreement_that_no_master_makes_is_refused() {
    let of = |class: pb::AgreedClass| AgreedClass::try_from(class).unwrap_err().to_string();
    let other = pb::AgreedClass {
        standing: pb::Standing::Other.into(),
        ..pb::AgreedClass::default()
    };
    let twice = pb::AgreedClass {
        parts: vec![4, 4],
        ..other.clone()
    };
    let beyond = pb::AgreedClass {
        index: imprint_model::ClassIndex::LIMIT,
        ..other
    };
    assert!(of(pb::AgreedClass::default()).ends_with("invalid standing of a class"));
    assert!(of(twice).ends_with("invalid parts of a class"));
    assert!(of(beyond).ends_with("invalid class entry"));
}
