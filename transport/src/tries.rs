//! What is tried again, how often, and after how long.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Request, TransportError};

/// Tries after the first one.
const MORE: u32 = 3;
/// Pause before the second try; each further one is three times as long.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest pause that a server may ask for.
const LONGEST: Duration = Duration::from_mins(1);
/// Time between two looks at whether the user wants to stop.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Why one try failed.
pub(crate) enum Failure {
    /// Another will too.
    Final(TransportError),
    /// Another may not.
    Passing {
        /// Why.
        error: TransportError,
        /// The pause that the server asks for.
        pause: Option<Duration>,
    },
}

impl Failure {
    /// One that may pass by itself.
    pub(crate) fn passing(error: TransportError) -> Self {
        Self::Passing { error, pause: None }
    }

    /// Why.
    pub(crate) fn into_error(self) -> TransportError {
        match self {
            Self::Final(error) | Self::Passing { error, .. } => error,
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Final(error)
    }
}

/// The tries that are left.
pub(crate) struct Tries<'a> {
    request: &'a Request<'a>,
    spent: u32,
}

impl<'a> Tries<'a> {
    /// All of them.
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        Self { request, spent: 0 }
    }

    /// Something has been achieved; all tries are there again.
    pub(crate) fn renew(&mut self) {
        self.spent = 0;
    }

    /// Waits for the next try, or gives up with the error.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), TransportError> {
        let (error, asked) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing { error, pause } => (error, pause),
        };
        if self.spent == MORE || asked.is_some_and(|pause| pause > LONGEST) {
            return Err(error);
        }
        let pause = asked.unwrap_or(PAUSE * 3_u32.pow(self.spent));
        self.spent += 1;
        let start = Instant::now();
        while start.elapsed() < pause {
            if (self.request.is_cancelled)() {
                return Err(TransportError::Cancelled);
            }
            sleep(TICK.min(pause)).await;
        }
        Ok(())
    }
}

/// Tries until it is done, or of no more use.
pub(crate) async fn persist<T>(
    request: &Request<'_>,
    attempt: impl AsyncFn() -> Result<T, Failure>,
) -> Result<T, TransportError> {
    let mut tries = Tries::new(request);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) => tries.after(failure).await?,
        }
    }
}
