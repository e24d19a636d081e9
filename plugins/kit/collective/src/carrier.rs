//! Libraries that carry bytes between neighbours, each on a thread that can be left behind.
//!
//! A call of such a library may never return when a rank is lost. So a thread of its own makes
//! them all, owns what is sent and received, and is left to itself when it does not answer.

use std::any::Any;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a rank sends to the next one, and what it receives from the previous one.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// What is sent.
    pub(crate) send: Vec<u8>,
    /// What is received; its length says how much is to come.
    pub(crate) receive: Vec<u8>,
}

/// A library that carries bytes between neighbours.
pub(crate) trait Carrier {
    /// Sends to the next rank while it receives from the previous one; gives the parcel back.
    ///
    /// What waits long asks `is_whole` whether all ranks are there, and gives up when it says no.
    ///
    /// # Errors
    /// What the library says, or that it was given up.
    fn exchange(&mut self, parcel: Parcel, is_whole: &dyn Fn() -> bool) -> Result<Parcel, String>;

    /// Takes leave, as all ranks do.
    ///
    /// # Errors
    /// What the library says.
    fn end(self: Box<Self>) -> Result<(), String>;
}

/// A carrier on a thread of its own.
#[derive(Debug)]
pub(crate) struct Courier {
    orders: Option<Sender<Parcel>>,
    answers: Receiver<Result<Parcel, String>>,
    thread: Option<JoinHandle<()>>,
}

impl Courier {
    /// Starts the thread, which connects first; the first answer says how that went.
    pub(crate) fn start(
        connect: impl FnOnce() -> Result<Box<dyn Carrier>, String> + Send + 'static,
        is_whole: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        let (orders, received) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let thread = thread::spawn(move || serve(connect, &is_whole, &received, &answer));
        Self { orders: Some(orders), answers, thread: Some(thread) }
    }

    /// Hands over a parcel; an answer will come.
    pub(crate) fn order(&self, parcel: Parcel) {
        // A thread that has ended says why in its answer.
        let _ = self.orders.as_ref().map(|orders| orders.send(parcel));
    }

    /// Lets the carrier take leave; an answer will come.
    pub(crate) fn end(&mut self) {
        self.orders = None;
    }

    /// What came back, when it does in time.
    pub(crate) fn answer(&mut self, patience: Duration) -> Option<Result<Parcel, String>> {
        match self.answers.recv_timeout(patience) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.thread.take().map(JoinHandle::join);
                let panic = ended.and_then(Result::err).map(|panic| words(&*panic));
                Some(Err(panic.unwrap_or_else(|| "it has ended".to_owned())))
            }
        }
    }
}

/// What a thread said when it gave up: libraries that are loaded when they are called have no
/// other way to say that there is none.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it has given up").to_owned()
}

fn serve(
    connect: impl FnOnce() -> Result<Box<dyn Carrier>, String>,
    is_whole: &dyn Fn() -> bool,
    orders: &Receiver<Parcel>,
    answers: &Sender<Result<Parcel, String>>,
) {
    // Nobody hears an answer when this thread was left behind.
    let answer = |answer| answers.send(answer).is_ok();
    let mut carrier = match connect() {
        Ok(carrier) => carrier,
        Err(message) => {
            answer(Err(message));
            return;
        }
    };
    answer(Ok(Parcel::default()));
    for parcel in orders {
        let carried = carrier.exchange(parcel, is_whole);
        let has_failed = carried.is_err();
        if !answer(carried) || has_failed {
            return;
        }
    }
    answer(carrier.end().map(|()| Parcel::default()));
}
