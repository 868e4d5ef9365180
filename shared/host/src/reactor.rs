//! Readiness: where a machine's thread sleeps, and what wakes it.
//!
//! ```text
//!   primitives ── arm(watch, readable, semaphore 7) ──> epoll, one shot
//!                                                          │ ready
//!   other threads ── Waker::push(event) ──> queue          ▼
//!                                             └──> take(): Signal(7), Terminate, ...
//! ```
//!
//! A watch is armed for one direction with the index of the semaphore to signal, fires once, and
//! must be armed again: so a ready socket that nobody asks about costs nothing. The reactor only
//! says *that* something moved; what it means is found out by the primitive that looks next.
//! Rejected: callbacks per socket (state would change behind the primitives' back).
//!
//! It is shared by the [`LocalOutside`](crate::LocalOutside) that waits and the modules that arm,
//! both on the machine's thread; only [`Waker`]s are for others.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use imprint_vm::Event;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use thiserror::Error;

/// Most events that other threads may have waiting.
pub const EVENTS_MAX: usize = 1024;
/// Readiness reports taken from the system at a time.
const BATCH: usize = 64;
/// The token of the descriptor that wakers write to.
const WAKE_TOKEN: u64 = 0;

/// An order was not taken because too many wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{EVENTS_MAX} events wait already")]
pub struct QueueFull;

/// What a watch waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Input, a connection to accept, or the end of input.
    Readable,
    /// Room for output, or the end of an attempt to connect.
    Writable,
}

/// A descriptor known to a reactor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Watch(u64);

/// Where a machine's thread sleeps. Clones are the same reactor.
#[derive(Clone)]
pub struct Reactor {
    shared: Arc<Shared>,
}

struct Shared {
    epoll: OwnedFd,
    wake: OwnedFd,
    state: Mutex<State>,
    /// One reference more than there are wakers.
    wakers: Arc<()>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Event>,
    watches: HashMap<u64, Armed>,
    last_token: u64,
}

/// A watched descriptor and the semaphores to signal.
struct Armed {
    descriptor: Arc<OwnedFd>,
    is_registered: bool,
    readable: Option<usize>,
    writable: Option<usize>,
}

/// Pushes events into a machine's queue from another thread, and wakes it.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
    /// What keeps the machine waiting for more; a quiet waker has none.
    alive: Option<Arc<()>>,
}

impl Reactor {
    /// A reactor with nothing to watch.
    ///
    /// # Errors
    /// Where the system has no descriptors left.
    pub fn new() -> io::Result<Reactor> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(
            &epoll,
            &wake,
            EventData::new_u64(WAKE_TOKEN),
            EventFlags::IN,
        )?;
        Ok(Reactor {
            shared: Arc::new(Shared {
                epoll,
                wake,
                state: Mutex::default(),
                wakers: Arc::new(()),
            }),
        })
    }

    /// A handle for another thread. While one is alive, the machine never concludes that nothing
    /// can happen any more.
    pub fn waker(&self) -> Waker {
        Waker {
            shared: Arc::clone(&self.shared),
            alive: Some(Arc::clone(&self.shared.wakers)),
        }
    }

    /// Makes a descriptor known; nothing is waited for yet.
    pub fn watch(&self, descriptor: Arc<OwnedFd>) -> Watch {
        let mut state = self.shared.state();
        state.last_token += 1;
        let token = state.last_token;
        let armed = Armed {
            descriptor,
            is_registered: false,
            readable: None,
            writable: None,
        };
        state.watches.insert(token, armed);
        Watch(token)
    }

    /// Signals a semaphore, once, when the descriptor is ready.
    ///
    /// # Errors
    /// Where the system cannot wait for such a descriptor (a regular file).
    pub fn arm(&self, watch: Watch, direction: Direction, semaphore: usize) -> io::Result<()> {
        let mut state = self.shared.state();
        let Some(armed) = state.watches.get_mut(&watch.0) else {
            return Ok(());
        };
        match direction {
            Direction::Readable => armed.readable = Some(semaphore),
            Direction::Writable => armed.writable = Some(semaphore),
        }
        armed.submit(&self.shared.epoll, watch.0)
    }

    /// Forgets a descriptor.
    pub fn forget(&self, watch: Watch) {
        let removed = self.shared.state().watches.remove(&watch.0);
        if let Some(armed) = removed.filter(|armed| armed.is_registered) {
            // A descriptor that the system has dropped by itself is as good as forgotten.
            let _ = epoll::delete(&self.shared.epoll, &armed.descriptor);
        }
    }

    /// Reports an event from the machine's own thread.
    pub fn report(&self, event: Event) {
        self.shared.state().queue.push_back(event);
    }

    /// What has happened by now.
    pub fn poll(&self) -> Vec<Event> {
        self.take_ready(Some(Duration::ZERO));
        self.drain()
    }

    /// Sleeps until something happens or the deadline passes; the answer is empty at once where
    /// there is no deadline and nothing could ever happen.
    pub fn wait(&self, deadline: Option<Instant>) -> Vec<Event> {
        loop {
            let events = self.poll();
            if !events.is_empty() {
                return events;
            }
            let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if timeout == Some(Duration::ZERO) || timeout.is_none() && !self.is_anything_awaited() {
                return events;
            }
            self.take_ready(timeout);
        }
    }

    fn drain(&self) -> Vec<Event> {
        self.shared.state().queue.drain(..).collect()
    }

    fn is_anything_awaited(&self) -> bool {
        let is_armed = |armed: &Armed| armed.readable.is_some() || armed.writable.is_some();
        Arc::strong_count(&self.shared.wakers) > 1
            || self.shared.state().watches.values().any(is_armed)
    }

    /// Asks the system what is ready, and queues the signals.
    fn take_ready(&self, timeout: Option<Duration>) {
        let timeout = timeout.map(|duration| Timespec {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        });
        let mut ready = Vec::with_capacity(BATCH);
        let buffer = rustix::buffer::spare_capacity(&mut ready);
        // An interrupted wait is a short one; its caller looks at the clock and waits again.
        if epoll::wait(&self.shared.epoll, buffer, timeout.as_ref()).is_err() {
            return;
        }
        for event in ready {
            self.shared.fire(event.data.u64(), event.flags);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the queue usable: each change is one statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fire(&self, token: u64, flags: EventFlags) {
        if token == WAKE_TOKEN {
            let mut count = [0; 8];
            // Another look may have read it already.
            let _ = rustix::io::read(&self.wake, &mut count);
            return;
        }
        let mut state = self.state();
        let Some(armed) = state.watches.get_mut(&token) else {
            return;
        };
        let signals = armed.take_signals(flags);
        // What could not be armed again is found out by the primitive that looks next.
        let _ = armed.resubmit(&self.epoll, token);
        state.queue.extend(signals.map(Event::Signal));
    }
}

impl Armed {
    fn flags(&self) -> EventFlags {
        let mut flags = EventFlags::ONESHOT;
        if self.readable.is_some() {
            flags |= EventFlags::IN | EventFlags::RDHUP;
        }
        if self.writable.is_some() {
            flags |= EventFlags::OUT;
        }
        flags
    }

    fn submit(&mut self, epoll: &OwnedFd, token: u64) -> io::Result<()> {
        let data = EventData::new_u64(token);
        if self.is_registered {
            epoll::modify(epoll, &self.descriptor, data, self.flags())?;
        } else {
            epoll::add(epoll, &self.descriptor, data, self.flags())?;
            self.is_registered = true;
        }
        Ok(())
    }

    fn resubmit(&mut self, epoll: &OwnedFd, token: u64) -> io::Result<()> {
        if self.readable.is_none() && self.writable.is_none() {
            return Ok(());
        }
        self.submit(epoll, token)
    }

    /// The semaphores that readiness in these directions signals; they are disarmed. An error or
    /// a hang-up concerns both.
    fn take_signals(&mut self, flags: EventFlags) -> impl Iterator<Item = usize> + use<> {
        let ended = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        let is_readable = ended || flags.intersects(EventFlags::IN | EventFlags::RDHUP);
        let is_writable = ended || flags.intersects(EventFlags::OUT);
        let readable = if is_readable {
            self.readable.take()
        } else {
            None
        };
        let writable = if is_writable {
            self.writable.take()
        } else {
            None
        };
        readable.into_iter().chain(writable)
    }
}

impl Waker {
    /// The same, but for whom the machine does not wait when nothing else can happen: signals of
    /// the system may come at any time, and an image that is done need not wait for them.
    #[must_use]
    pub fn quiet(mut self) -> Waker {
        self.alive = None;
        self
    }

    /// Queues an event and wakes the machine.
    ///
    /// # Errors
    /// [`QueueFull`] where [`EVENTS_MAX`] wait already.
    pub fn push(&self, event: Event) -> Result<(), QueueFull> {
        let mut state = self.shared.state();
        if state.queue.len() >= EVENTS_MAX {
            return Err(QueueFull);
        }
        state.queue.push_back(event);
        drop(state);
        // A full counter means that the machine is about to wake anyway.
        let _ = rustix::io::write(&self.shared.wake, &1u64.to_ne_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn nothing_awaited_without_deadline_answers_at_once() {
        let reactor = Reactor::new().unwrap();
        assert_eq!(reactor.wait(None), []);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let reactor = Reactor::new().unwrap();
        let start = Instant::now();
        let deadline = start + Duration::from_millis(20);
        assert_eq!(reactor.wait(Some(deadline)), []);
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn another_thread_wakes_the_machine() {
        let reactor = Reactor::new().unwrap();
        let waker = reactor.waker();
        let thread = std::thread::spawn(move || waker.push(Event::Terminate));
        assert_eq!(reactor.wait(soon()), [Event::Terminate]);
        assert_eq!(thread.join().unwrap(), Ok(()));
        assert_eq!(reactor.wait(None), []);
    }

    #[test]
    fn the_queue_has_a_limit() {
        let reactor = Reactor::new().unwrap();
        let waker = reactor.waker();
        for order in 0..EVENTS_MAX as u64 {
            assert_eq!(waker.push(Event::Order(order)), Ok(()));
        }
        assert_eq!(waker.push(Event::Terminate), Err(QueueFull));
        assert_eq!(reactor.poll().len(), EVENTS_MAX);
        assert_eq!(waker.push(Event::Terminate), Ok(()));
    }

    #[test]
    fn a_watch_fires_once_until_it_is_armed_again() {
        let reactor = Reactor::new().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        let watch = reactor.watch(Arc::new(OwnedFd::from(far)));
        reactor.arm(watch, Direction::Readable, 7).unwrap();
        assert_eq!(reactor.poll(), []);
        near.write_all(b"x").unwrap();
        assert_eq!(reactor.wait(soon()), [Event::Signal(7)]);
        assert_eq!(reactor.poll(), []);
        reactor.arm(watch, Direction::Readable, 8).unwrap();
        assert_eq!(reactor.wait(soon()), [Event::Signal(8)]);
        reactor.arm(watch, Direction::Readable, 9).unwrap();
        reactor.forget(watch);
        assert_eq!(reactor.poll(), []);
    }

    #[test]
    fn one_direction_leaves_the_other_armed() {
        let reactor = Reactor::new().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        let watch = reactor.watch(Arc::new(OwnedFd::from(far)));
        reactor.arm(watch, Direction::Readable, 1).unwrap();
        reactor.arm(watch, Direction::Writable, 2).unwrap();
        assert_eq!(reactor.wait(soon()), [Event::Signal(2)]);
        near.write_all(b"x").unwrap();
        assert_eq!(reactor.wait(soon()), [Event::Signal(1)]);
    }

    #[test]
    fn regular_files_cannot_be_waited_for() {
        let reactor = Reactor::new().unwrap();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let watch = reactor.watch(Arc::new(OwnedFd::from(file)));
        assert!(reactor.arm(watch, Direction::Readable, 1).is_err());
    }
}
