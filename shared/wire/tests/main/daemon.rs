//! A master of a few lines on a thread of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{Miss, Ref};
use imprint_wire::message::{Drafts, Event, MasterMessage, Plan, SlaveMessage, Welcome};
use imprint_wire::{Address, Listener, Services, Session, Source, WireError};
use tokio::sync::oneshot;

/// Answers object misses with an alias, and refuses all others.
#[derive(Default)]
pub struct Master {
    /// Sessions that are open.
    pub sessions: Arc<AtomicUsize>,
    /// Events that came.
    pub events: Arc<AtomicUsize>,
}

impl Source for Master {
    fn open(&self) -> Box<dyn Session> {
        self.sessions.fetch_add(1, Ordering::SeqCst);
        Box::new(Slave {
            sessions: self.sessions.clone(),
            events: self.events.clone(),
        })
    }
}

struct Slave {
    sessions: Arc<AtomicUsize>,
    events: Arc<AtomicUsize>,
}

impl Drop for Slave {
    fn drop(&mut self) {
        self.sessions.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl Session for Slave {
    async fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage> {
        match message {
            SlaveMessage::Hello(hello) => match hello.mismatch() {
                Some(reason) => vec![MasterMessage::Refused {
                    sequence: 0,
                    reason,
                }],
                None => vec![MasterMessage::Welcome(welcome())],
            },
            SlaveMessage::Misses { sequence, misses } => vec![drafts(sequence, &misses)],
            SlaveMessage::Event(Event::LogLine(..)) => {
                self.events.fetch_add(1, Ordering::SeqCst);
                vec![]
            }
            other => vec![MasterMessage::Refused {
                sequence: 0,
                reason: format!("nobody asked for {other:?}"),
            }],
        }
    }
}

pub fn welcome() -> Welcome {
    Welcome {
        image_fingerprint: [7; 32],
        protocol: imprint_wire::PROTOCOL,
        master_version: "0.1.0".into(),
        warnings: vec![],
        classes: vec![],
        plan: Plan::default(),
        kernel_fingerprint: None,
    }
}

fn drafts(sequence: u64, misses: &[Miss]) -> MasterMessage {
    let alias = |miss: &Miss| match miss {
        Miss::Object(ghost) => Some((*ghost, Ref::class("Foo"))),
        _ => None,
    };
    let aliases: Option<Vec<_>> = misses.iter().map(alias).collect();
    match aliases {
        Some(aliases) => MasterMessage::Drafts(Drafts {
            sequence,
            bundle: Bundle {
                aliases,
                ..Bundle::default()
            },
        }),
        None => MasterMessage::Refused {
            sequence,
            reason: "only objects are served".into(),
        },
    }
}

/// A daemon that serves until it is stopped.
pub struct Daemon {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub fn start(address: &str, services: Services) -> Daemon {
        Daemon::try_start(address, services).unwrap()
    }

    pub fn try_start(address: &str, services: Services) -> Result<Daemon, WireError> {
        let address: Address = address.parse()?;
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = match Listener::bind(&address).await {
                    Ok(listener) => listener,
                    Err(error) => return ready.send(Err(error)).unwrap(),
                };
                ready.send(Ok(listener.address().to_string())).unwrap();
                let stop = async {
                    let _ = stopped.await;
                };
                // Open streams of the tests end when their connections are dropped.
                listener.serve(services, stop).await.unwrap();
            });
        });
        let url = is_ready.recv().unwrap()?;
        Ok(Daemon {
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub fn with_master(address: &str) -> (Daemon, Master) {
        let master = Master::default();
        let shared = Master {
            sessions: master.sessions.clone(),
            events: master.events.clone(),
        };
        let services = Services::new().with_source(Arc::new(shared));
        (Daemon::start(address, services), master)
    }

    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

pub const ANY_PORT: &str = "http://127.0.0.1:0";

pub fn socket_in(folder: &Path) -> String {
    format!("unix:{}", folder.join("master.socket").display())
}

/// Waits for what another thread does, but not for ever.
pub fn assert_eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}
