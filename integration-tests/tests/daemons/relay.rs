//! A wire that can be made bad: it passes connections on, late, cut in the middle, twice, in another order,
//! or not at all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to one message of an answer: a DATA frame of HTTP/2 (RFC 9113, 4.1), so that the connection
/// itself stays sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mischief {
    /// It comes twice.
    Twice,
    /// Its bytes come in another order: the second half first, frame and all.
    Turned,
    /// The next whole message comes before it.
    Overtaken,
    /// It never comes.
    Lost,
}

/// What is wrong with the wire.
#[derive(Default)]
struct Faults {
    /// Each piece of an answer comes so much later.
    delay: Mutex<Duration>,
    /// Bytes of answers after which the next connections are cut, one after the other.
    cuts: Mutex<Vec<u64>>,
    /// What happens on the next connections, one after the other, to the message of a number.
    mischief: Mutex<Vec<(usize, Mischief)>>,
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

    /// On the next connection the answer's message of a number, from 0, suffers so.
    pub fn garble(&self, message: usize, mischief: Mischief) {
        *self.faults.mischief.lock().unwrap() = vec![(message, mischief)];
    }

    /// Whether what was to be garbled was not met.
    pub fn is_garbling(&self) -> bool {
        !self.faults.mischief.lock().unwrap().is_empty()
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
        frames: Frames::default(),
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
    frames: Frames,
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
            let passed = self.garbled(&bytes[..count]);
            if self.to.write_all(&passed).is_err() || self.left == 0 {
                break;
            }
        }
        // The other end may be gone already.
        let _ = self.to.shutdown(Shutdown::Both);
        let _ = self.from.shutdown(Shutdown::Both);
    }

    /// What becomes of bytes: of answers on which mischief waits, whole frames alone pass.
    fn garbled(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut waiting = self.faults.mischief.lock().unwrap();
        if !self.is_answer || (waiting.is_empty() && self.frames.is_through()) {
            return bytes.to_vec();
        }
        self.frames.take(bytes, &mut waiting)
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

/// Bytes of the head of a frame.
const FRAME_HEAD: usize = 9;
/// The type of frames that messages come in.
const DATA: u8 = 0;

/// The frames of one direction.
#[derive(Default)]
struct Frames {
    /// The beginning of a frame that is not whole yet.
    begun: Vec<u8>,
    /// Messages so far.
    messages: usize,
    /// Where the messages of gRPC end.
    bounds: Bounds,
    /// What the next message comes before.
    overtaken: Vec<u8>,
}

/// Bytes of the head of a message of gRPC: a flag and its length.
const MESSAGE_HEAD: usize = 5;

/// Where a stream of bytes is in the messages that they are.
#[derive(Clone, Default)]
struct Bounds {
    head: Vec<u8>,
    left: usize,
}

impl Bounds {
    /// Goes on by some bytes. Answers whether they are whole messages.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let begins = self.is_between();
        for byte in bytes {
            if self.left > 0 {
                self.left -= 1;
                continue;
            }
            self.head.push(*byte);
            if let [_, one, two, three, four] = self.head[..] {
                self.left = u32::from_be_bytes([one, two, three, four]) as usize;
                self.head.clear();
            }
        }
        begins && self.is_between() && bytes.len() >= MESSAGE_HEAD
    }

    fn is_between(&self) -> bool {
        self.head.is_empty() && self.left == 0
    }
}

impl Frames {
    /// Whether nothing is kept back.
    fn is_through(&self) -> bool {
        self.begun.is_empty() && self.overtaken.is_empty()
    }

    /// Takes bytes in, and answers those that pass.
    fn take(&mut self, bytes: &[u8], waiting: &mut Vec<(usize, Mischief)>) -> Vec<u8> {
        self.begun.extend_from_slice(bytes);
        let mut passed = Vec::new();
        while let Some(length) = self.whole_frame() {
            let frame: Vec<u8> = self.begun.drain(..length).collect();
            for frame in self.by_message(frame) {
                self.pass(frame, waiting, &mut passed);
            }
        }
        passed
    }

    /// A frame of several whole messages as a frame for each.
    fn by_message(&self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        let (head, mut content) = frame.split_at(FRAME_HEAD);
        let is_whole = self.bounds.clone().pass(content);
        if head[3] != DATA || !is_whole {
            return vec![frame];
        }
        let mut frames = Vec::new();
        while let [_, one, two, three, four, ..] = *content {
            let length = u32::from_be_bytes([one, two, three, four]) as usize;
            let (message, rest) = content.split_at(MESSAGE_HEAD + length);
            let bytes = (message.len() as u32).to_be_bytes();
            frames.push([&bytes[1..], &head[3..], message].concat());
            content = rest;
        }
        frames
    }

    /// Passes a frame on, unless mischief waits for it.
    fn pass(&mut self, frame: Vec<u8>, waiting: &mut Vec<(usize, Mischief)>, passed: &mut Vec<u8>) {
        let length = frame.len();
        let is_message = frame[3] == DATA && length > FRAME_HEAD;
        let is_whole = is_message && self.bounds.pass(&frame[FRAME_HEAD..]);
        let found = waiting.iter().position(|(at, mischief)| match mischief {
            Mischief::Twice | Mischief::Turned => is_message && *at == self.messages,
            Mischief::Overtaken | Mischief::Lost => is_whole && *at <= self.messages,
        });
        match found.map(|at| waiting.remove(at).1) {
            Some(Mischief::Twice) => passed.extend([&frame[..], &frame[..]].concat()),
            Some(Mischief::Turned) => {
                let (one, other) = frame.split_at(length / 2);
                passed.extend([other, one].concat());
            }
            Some(Mischief::Overtaken) => self.overtaken = frame,
            Some(Mischief::Lost) => {}
            None => {
                passed.extend(frame);
                if is_message && self.bounds.is_between() {
                    passed.append(&mut self.overtaken);
                }
            }
        }
        self.messages += usize::from(is_message);
    }

    /// The length of the first frame, where it is whole.
    fn whole_frame(&self) -> Option<usize> {
        let [one, two, three, ..] = self.begun[..] else {
            return None;
        };
        let length = FRAME_HEAD + u32::from_be_bytes([0, one, two, three]) as usize;
        (self.begun.len() >= length).then_some(length)
    }
}
