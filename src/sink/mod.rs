//! Where verdicts go.

mod callback;
mod json_lines;

use async_trait::async_trait;

pub use self::{
    callback::{Callback, callback},
    json_lines::JsonLines,
};
use crate::{error::Error, validate::Verdict};

/// A place for verdicts
///
/// # Contract
/// - [`accept`](Sink::accept) is called with batches in the order of the listing, never an empty
///   one, never two at a time. When it returns, the batch is the sink's concern.
/// - [`flush`](Sink::flush) makes all that was accepted durable, and may come at any time.
/// - [`finish`](Sink::finish) comes once, after a flush, and only where the scan is complete.
///   A sink that is dropped without it should leave behind what was there before.
///
/// Object safe, and implemented by `&mut S` and `Box<S>`, by `()` which discards, and by `(A, B)`
/// which gives each batch to both.
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch
    ///
    /// # Errors
    /// [`Error`], usually of kind [`ErrorKind::Sink`](crate::ErrorKind::Sink); it ends the scan.
    async fn accept(&mut self, batch: &[Verdict]) -> Result<(), Error>;

    /// Makes durable what was accepted
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn flush(&mut self) -> Result<(), Error>;

    /// Ends with all verdicts accepted
    ///
    /// # Errors
    /// As [`accept`](Sink::accept).
    async fn finish(&mut self) -> Result<(), Error>;

    /// What a batch does that is delivered a second time
    fn delivery(&self) -> Delivery;
}

/// What a batch does that a sink is given a second time
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Nothing: the same names are written over
    Idempotent,
    /// It is there twice
    AppendOnly,
}

#[async_trait]
impl Sink for () {
    async fn accept(&mut self, _: &[Verdict]) -> Result<(), Error> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

#[async_trait]
impl<A: Sink, B: Sink> Sink for (A, B) {
    async fn accept(&mut self, batch: &[Verdict]) -> Result<(), Error> {
        self.0.accept(batch).await?;
        self.1.accept(batch).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.0.flush().await?;
        self.1.flush().await
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.0.finish().await?;
        self.1.finish().await
    }

    fn delivery(&self) -> Delivery {
        match (self.0.delivery(), self.1.delivery()) {
            (Delivery::Idempotent, Delivery::Idempotent) => Delivery::Idempotent,
            _ => Delivery::AppendOnly,
        }
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait]
        impl<S: Sink + ?Sized> Sink for $pointer {
            async fn accept(&mut self, batch: &[Verdict]) -> Result<(), Error> {
                (**self).accept(batch).await
            }

            async fn flush(&mut self) -> Result<(), Error> {
                (**self).flush().await
            }

            async fn finish(&mut self) -> Result<(), Error> {
                (**self).finish().await
            }

            fn delivery(&self) -> Delivery {
                (**self).delivery()
            }
        }
    };
}

forward!(&mut S);
forward!(Box<S>);
