//! Taking dead letters out, or away, one or many.

use std::time::Duration;

use signalbox_proto::{
    names::subject,
    v1::{Problem, RedriveReply, RedriveRequest, Redriven},
};

use crate::{Bus, Error, LetterFilter, RequestError};

/// Letters that one request of the router names.
const AT_ONCE: usize = 100;

/// Each letter is a few calls of JetStream; one that is taken out twice has one effect.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why letters were not taken out.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// They could not be read.
    #[error("the dead letters cannot be read")]
    Read(#[from] Error),
    /// The router gave no answer.
    #[error("the router gave no answer")]
    Ask(#[from] RequestError),
    /// It refused.
    #[error("{}", .0.detail)]
    Refused(Problem),
}

/// What became of several letters.
#[derive(Clone, Debug, PartialEq)]
pub struct Several<T> {
    /// What became of each.
    pub letters: Vec<T>,
    /// There may be more: those after this sequence.
    pub next: Option<u64>,
}

impl Bus {
    /// Has the router take letters out, to try again what they ask for.
    ///
    /// # Errors
    /// [`RedriveError`]; some may have been taken out then. Taking one out twice has one effect.
    pub async fn redrive(&self, sequences: &[u64]) -> Result<Vec<Redriven>, RedriveError> {
        let mut letters = Vec::with_capacity(sequences.len());
        for sequences in sequences.chunks(AT_ONCE) {
            let request = RedriveRequest { sequences: sequences.to_vec() };
            let reply: RedriveReply = self.request(subject::REDRIVE, &request, PATIENCE).await?;
            match reply.problem {
                Some(problem) => return Err(RedriveError::Refused(problem)),
                None => letters.extend(reply.letters),
            }
        }
        Ok(letters)
    }

    /// The same with the first `limit` of the wanted letters after the sequence `after`.
    ///
    /// # Errors
    /// [`RedriveError`].
    pub async fn redrive_wanted(
        &self,
        filter: &LetterFilter,
        after: u64,
        limit: usize,
    ) -> Result<Several<Redriven>, RedriveError> {
        // All are known before the first is taken out: one that dies again is a new letter.
        let page = self.dead_letters(filter, after, limit, |letter| letter.sequence).await?;
        Ok(Several { letters: self.redrive(&page.letters).await?, next: page.next })
    }

    /// Removes the first `limit` of the wanted letters after the sequence `after`; tells which.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away; some may be removed then.
    pub async fn remove_wanted(
        &self,
        filter: &LetterFilter,
        after: u64,
        limit: usize,
    ) -> Result<Several<u64>, Error> {
        let page = self.dead_letters(filter, after, limit, |letter| letter.sequence).await?;
        let mut letters = Vec::with_capacity(page.letters.len());
        for sequence in page.letters {
            if self.remove_dead_letter(sequence).await? {
                letters.push(sequence);
            }
        }
        Ok(Several { letters, next: page.next })
    }
}
