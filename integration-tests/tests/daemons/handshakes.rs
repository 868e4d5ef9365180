//! Slaves and masters that do not fit together say so before anything is pulled, and those that do find
//! each other again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{
    assert_eventually, example, free_port, master, slave, start,
};
use imprint_wire::message::{Hello, OfferedClass};
use imprint_wire::{
    Address, Connection, Listener, MasterMessage, Services, Session, SlaveMessage, Source,
};

use crate::serving::{full_image, serve};
use imprint_integration_tests::browser::get;

fn url() -> String {
    format!("http://127.0.0.1:{}", free_port().unwrap())
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

#[test]
fn a_master_refuses_slaves_that_cannot_run_what_it_serves_and_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = url();
    let _master = serve(folder.path(), &url);
    let own = Hello::empty("0.1.0");
    let rows = [
        (
            Hello {
                protocol: 99,
                ..own.clone()
            },
            "speaks protocol 99",
        ),
        (
            Hello {
                word_bytes: 4,
                ..own.clone()
            },
            "words of 4 bytes",
        ),
        (
            Hello {
                bytecode_set: "SistaV9".into(),
                ..own.clone()
            },
            "runs SistaV9",
        ),
    ];
    for (hello, sentence) in rows {
        let mut connection = Connection::connect(&url).unwrap();
        let error = connection.greet(hello, soon()).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let mut connection = Connection::connect(&url).unwrap();
    assert!(connection.greet(own, soon()).is_ok());
    assert!(is_refused(&mut Connection::connect(&url).unwrap()));
    // A class that the image does not have is no failure.
    let classes = vec![offered("NoSuchClass")];
    let offer = SlaveMessage::Offer {
        sequence: 4,
        classes,
    };
    connection.send(offer).unwrap();
    let answer = connection.receive(soon()).unwrap();
    assert!(
        matches!(&answer, MasterMessage::Agreement(agreement)
            if agreement.sequence == 4 && agreement.classes.len() == 1 && agreement.numbers.is_empty()),
        "{answer:?}"
    );
}

fn offered(name: &str) -> OfferedClass {
    OfferedClass {
        name: name.into(),
        shape: 1,
        digest: 2,
        identities: vec![3, 3, 4],
    }
}

/// Whether an offer before the hello is refused.
fn is_refused(connection: &mut Connection) -> bool {
    let offer = SlaveMessage::Offer {
        sequence: 1,
        classes: vec![offered("Object")],
    };
    connection.send(offer).unwrap();
    matches!(connection.receive(soon()), Ok(MasterMessage::Refused { reason, .. }) if reason.contains("hello"))
}

/// A master that refuses everybody.
struct Refusing;

impl Source for Refusing {
    fn open(&self) -> Box<dyn Session> {
        Box::new(Refusing)
    }
}

#[tonic::async_trait]
impl Session for Refusing {
    async fn answer(&mut self, _: SlaveMessage) -> Vec<MasterMessage> {
        vec![MasterMessage::Refused {
            sequence: 0,
            reason: "the slave speaks protocol 3, this master 2: use the same version of both"
                .into(),
        }]
    }
}

#[test]
fn a_slave_that_is_refused_says_why_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("master.socket");
    let address = Address::Unix(socket.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = Listener::bind(&address).await.unwrap();
            let services = Services::new().with_source(Arc::new(Refusing));
            listener.serve(services, std::future::pending()).await
        })
    });
    assert_eventually("a socket", || socket.exists().then_some(()));
    let url = format!("unix:{}", socket.display());
    for seed in ["empty", "kernel"] {
        let options = ["run", "--master", &url, "--eval", "3", "--seed", seed];
        let ended = slave(folder.path(), &options);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("speaks protocol 3"), "{ended:?}");
    }
}

#[test]
fn a_slave_with_a_seed_goes_on_when_a_killed_master_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let counter = example("counter").display().to_string();
    let built = master(path, &["build", &counter, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let url = url();
    let (mut first, admin) = serve(path, &url);
    // What comes behind the wait is the application's, and not in the seed.
    let expression = "(Delay forSeconds: 3) wait. CounterComponent new count printString";
    let cache = path.join("cache").display().to_string();
    let options = [
        "run", "--master", &url, "--seed", "kernel", "--eval", expression,
    ];
    let running = start("slave", path, &options, &[("IMPRINT_CACHE", &cache)]);
    assert_eventually("a connection", || {
        get(admin, "/metrics").filter(|text| text.contains("imprint_answers_total 1"))
    });
    first.kill();
    let (_second, _) = serve(path, &url);
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "'0'\n");
    assert!(ended.stderr.contains("the master is back"), "{ended:?}");
}
