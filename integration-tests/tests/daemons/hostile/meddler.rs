//! A master between a real one and its slaves, which spoils what it passes on.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use imprint_isa::draft::{Draft, MethodDraft, Placed};
use imprint_wire::{
    Address, Connection, Credentials, Listener, MasterMessage, Services, Session, SlaveMessage,
    Source,
};
use tokio::sync::oneshot;

use super::drafts::Spoiled;

/// The real master may take this long to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done to the slave that connects next.
#[derive(Clone, Copy)]
pub enum Trick {
    /// Nothing.
    None,
    /// The first method that it gets is changed.
    Method(fn(&mut MethodDraft)),
    /// The first draft that it gets is another.
    Other(fn() -> Draft),
    /// Its first misses are answered otherwise, each time that they are asked again.
    Answer(fn(u64, MasterMessage) -> Vec<MasterMessage>),
    /// What it has compiled ends without a return.
    Compiled,
}

impl Trick {
    pub fn of(spoiled: &Spoiled) -> Trick {
        match spoiled {
            Spoiled::Method(change) => Trick::Method(*change),
            Spoiled::Other(make) => Trick::Other(*make),
        }
    }
}

/// A master that listens until the test ends.
pub struct Meddler {
    url: String,
    master: String,
    trick: Arc<Mutex<Trick>>,
}

impl Meddler {
    /// Stands before the master at this address.
    pub fn before(master: &str) -> Meddler {
        let trick = Arc::new(Mutex::new(Trick::None));
        let source = MeddlingSource {
            master: master.to_string(),
            trick: trick.clone(),
        };
        let (told, url) = mpsc::channel();
        thread::spawn(move || listen(source, &told));
        Meddler {
            url: url.recv().unwrap(),
            master: master.to_string(),
            trick,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn master(&self) -> &str {
        &self.master
    }

    pub fn play(&self, trick: Trick) {
        *self.trick.lock().unwrap() = trick;
    }
}

fn listen(source: MeddlingSource, told: &mpsc::Sender<String>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let any: Address = "http://127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&any).await.unwrap();
        told.send(listener.address().to_string()).unwrap();
        let services = Services::new().with_source(Arc::new(source));
        listener
            .serve(services, std::future::pending())
            .await
            .unwrap();
    });
}

struct MeddlingSource {
    master: String,
    trick: Arc<Mutex<Trick>>,
}

type Question = (SlaveMessage, oneshot::Sender<Vec<MasterMessage>>);

impl Source for MeddlingSource {
    fn open(&self) -> Box<dyn Session> {
        let (questions, asked) = mpsc::channel();
        let (master, trick) = (self.master.clone(), *self.trick.lock().unwrap());
        // A connection has a runtime of its own, which must not be driven within another.
        thread::spawn(move || pass_on(&master, trick, &asked));
        Box::new(MeddlingSession(questions))
    }
}

struct MeddlingSession(mpsc::Sender<Question>);

#[tonic::async_trait]
impl Session for MeddlingSession {
    async fn answer(&mut self, message: SlaveMessage) -> Vec<MasterMessage> {
        let (reply, answer) = oneshot::channel();
        self.0.send((message, reply)).unwrap();
        answer.await.unwrap()
    }
}

fn pass_on(master: &str, mut trick: Trick, questions: &mpsc::Receiver<Question>) {
    let mut connection =
        Connection::connect_retrying(master, &Credentials::default(), PATIENCE, |_, _| {}).unwrap();
    for (question, reply) in questions {
        let is_answered = !matches!(question, SlaveMessage::Event(_));
        connection.send(question).unwrap();
        let answers = if is_answered {
            spoil(connection.receive(None).unwrap(), &mut trick)
        } else {
            connection.flush();
            Vec::new()
        };
        // The slave may have hung up on what it heard before.
        let _ = reply.send(answers);
    }
}

/// What is said in place of an answer; a trick is played once on a stream.
fn spoil(mut answer: MasterMessage, trick: &mut Trick) -> Vec<MasterMessage> {
    match (&mut answer, *trick) {
        (MasterMessage::Drafts(drafts), Trick::Method(change)) => {
            let mut drafts = drafts.bundle.placed.iter_mut();
            if let Some(method) = drafts.find_map(|placed| as_method(&mut placed.draft)) {
                change(method);
                *trick = Trick::None;
            }
        }
        (MasterMessage::Drafts(drafts), Trick::Other(make)) => {
            drafts.bundle.placed[0] = Placed::nowhere(make());
            *trick = Trick::None;
        }
        (MasterMessage::Drafts(drafts), Trick::Answer(twist)) => {
            *trick = Trick::None;
            return twist(drafts.sequence, answer);
        }
        (
            MasterMessage::Compiled {
                result: Ok(method), ..
            },
            Trick::Compiled,
        ) => {
            method.code.bytecodes = vec![79];
            *trick = Trick::None;
        }
        _ => {}
    }
    vec![answer]
}

fn as_method(draft: &mut Draft) -> Option<&mut MethodDraft> {
    match draft {
        Draft::Method(method) => Some(method),
        _ => None,
    }
}
