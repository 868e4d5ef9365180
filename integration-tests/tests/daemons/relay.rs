//! A wire that can be made bad: it passes connections on, late, cut in the middle, or not at all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is wrong with the wire.
#[derive(Default)]
struct Faults {
    /// Each piece of an answer comes so much later.
    delay: Mutex<Duration>,
    /// Bytes of answers after which the next connections are cut, one after the other.
    cuts: Mutex<Vec<u64>>,
    /// Nothing passes on connections that were made before it was mended.
    is_parted: AtomicBool,
    /// How often it was mended.
    age: AtomicUsize,
    /// Bytes of answers on all connections.
    answered: AtomicU64,
    /// All that passed from the front, and all from behind.
    heard: Mutex<Vec<u8>>,
}

/// Stands before a port of this machine.
#[derive(Clone)]
pub struct Relay {
    url: String,
    faults: Arc<Faults>,
}

impl Relay {
    /// Passes connections on to `port` until the test ends.
    pub fn before(port: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay {
            url: format!("http://{}", listener.local_addr().unwrap()),
            faults: Arc::default(),
        };
        let faults = relay.faults.clone();
        std::thread::spawn(move || {
            while let Ok((front, _)) = listener.accept() {
                let Ok(back) = TcpStream::connect(("127.0.0.1", port)) else {
                    return;
                };
                join(front, back, &faults);
            }
        });
        relay
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers come late from now on.
    pub fn delay(&self, delay: Duration) {
        *self.faults.delay.lock().unwrap() = delay;
    }

    /// The next connections are cut after so many bytes of answers, the last of these first.
    pub fn cut(&self, after: &[u64]) {
        *self.faults.cuts.lock().unwrap() = after.to_vec();
    }

    /// How many of these cuts are to come.
    pub fn cuts_left(&self) -> usize {
        self.faults.cuts.lock().unwrap().len()
    }

    /// Nothing passes any more, and nobody is told.
    pub fn part(&self) {
        self.faults.is_parted.store(true, Ordering::SeqCst);
    }

    /// New connections pass again; what was lost stays lost.
    pub fn mend(&self) {
        self.faults.age.fetch_add(1, Ordering::SeqCst);
        self.faults.is_parted.store(false, Ordering::SeqCst);
    }

    /// Bytes of answers so far.
    pub fn answered(&self) -> u64 {
        self.faults.answered.load(Ordering::SeqCst)
    }

    /// All that was said so far, in both directions.
    pub fn heard(&self) -> Vec<u8> {
        self.faults.heard.lock().unwrap().clone()
    }
}

fn join(front: TcpStream, back: TcpStream, faults: &Arc<Faults>) {
    front.set_nodelay(true).unwrap();
    back.set_nodelay(true).unwrap();
    let age = faults.age.load(Ordering::SeqCst);
    let cut = faults.cuts.lock().unwrap().pop();
    let way = |from: &TcpStream, to: &TcpStream, is_answer| Way {
        from: from.try_clone().unwrap(),
        to: to.try_clone().unwrap(),
        faults: faults.clone(),
        age,
        left: cut.filter(|_| is_answer).unwrap_or(u64::MAX),
        is_answer,
    };
    for way in [way(&front, &back, false), way(&back, &front, true)] {
        std::thread::spawn(move || way.pass_on());
    }
}

/// One direction of a connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    faults: Arc<Faults>,
    age: usize,
    /// Bytes until it is cut.
    left: u64,
    is_answer: bool,
}

impl Way {
    fn pass_on(mut self) {
        let mut bytes = [0; 65_536];
        while let Ok(count @ 1..) = self.from.read(&mut bytes) {
            let count = count.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= count as u64;
            if self.is_lost() {
                continue;
            }
            self.note(&bytes[..count]);
            if self.to.write_all(&bytes[..count]).is_err() || self.left == 0 {
                break;
            }
        }
        // The other end may be gone already.
        let _ = self.to.shutdown(Shutdown::Both);
        let _ = self.from.shutdown(Shutdown::Both);
    }

    fn is_lost(&self) -> bool {
        let is_old = self.faults.age.load(Ordering::SeqCst) != self.age;
        is_old || self.faults.is_parted.load(Ordering::SeqCst)
    }

    fn note(&self, bytes: &[u8]) {
        self.faults.heard.lock().unwrap().extend(bytes);
        if self.is_answer {
            self.faults
                .answered
                .fetch_add(bytes.len() as u64, Ordering::SeqCst);
            let delay = *self.faults.delay.lock().unwrap();
            std::thread::sleep(delay);
        }
    }
}
