//! The times of a chain: in which order records were sealed, and with whose key.

use super::finding::{Earlier, Problem};
use super::keys::TrustedKeys;
use crate::header::Header;
use crate::record::RecordRef;
use crate::signer::PublicKey;
use crate::timestamp::Timestamp;

/// When a record says that it was sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealedAt<'r> {
    text: &'r str,
    /// `None` where the text is no time.
    time: Option<Timestamp>,
}

impl<'r> SealedAt<'r> {
    pub(super) fn of(record: RecordRef<'r>) -> Option<Self> {
        record.signed_at.map(|text| Self {
            text,
            time: text.parse().ok(),
        })
    }
}

/// The order of the times at which records were sealed.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The first time.
    first: Option<Timestamp>,
    /// The last time, and as the record spelled it.
    last: Option<Timestamp>,
    last_text: String,
    /// How many records say when they were sealed.
    pub(super) checked: u64,
}

impl Clock {
    /// Takes note of a record that came before the ones that are checked.
    pub(super) fn start(&mut self, record: RecordRef<'_>) {
        if let Some(SealedAt {
            text,
            time: Some(time),
        }) = SealedAt::of(record)
        {
            self.note(time, text);
        }
    }

    pub(super) fn check(
        &mut self,
        SealedAt { text, time }: SealedAt<'_>,
        header: &Header<'_>,
    ) -> Result<(), Problem> {
        let signed_at = || text.to_owned();
        let time = time.ok_or_else(|| Problem::Time {
            signed_at: signed_at(),
        })?;
        self.checked += 1;
        let violation = |earlier| Problem::TimeOrder {
            signed_at: signed_at(),
            earlier,
        };
        let outcome = if self.last.is_some_and(|last| time < last) {
            Err(violation(Earlier::Record(self.last_text.clone())))
        } else if let Some(began) = &header.timestamp
            && began.parse::<Timestamp>().is_ok_and(|began| time < began)
        {
            Err(violation(Earlier::Action(began.clone().into_owned())))
        } else {
            Ok(())
        };
        self.note(time, text);
        outcome
    }

    /// Whether what another clock saw, beginning where this one stands, begins no earlier.
    pub(super) fn precedes(&self, part: &Self) -> bool {
        match (self.last, part.first) {
            (Some(last), Some(first)) => last <= first,
            _ => true,
        }
    }

    /// Goes on with what another clock saw.
    pub(super) fn absorb(&mut self, part: Self) {
        self.checked += part.checked;
        self.first = self.first.or(part.first);
        if part.last.is_some() {
            (self.last, self.last_text) = (part.last, part.last_text);
        }
    }

    fn note(&mut self, time: Timestamp, text: &str) {
        self.first.get_or_insert(time);
        self.last = Some(time);
        self.last_text.clear();
        self.last_text.push_str(text);
    }
}

/// Checks that a record was sealed while its key was the one in use. Says whether there was
/// something to check.
pub(super) fn check_epoch(
    sealed_at: Option<SealedAt<'_>>,
    signer: &PublicKey,
    trusted: &TrustedKeys,
) -> Result<bool, Problem> {
    let (
        Some(life),
        Some(SealedAt {
            text,
            time: Some(time),
        }),
    ) = (trusted.life(signer), sealed_at)
    else {
        return Ok(false);
    };
    let is_early = !life.is_first && life.began.is_some_and(|began| time < began);
    if is_early || life.ended.is_some_and(|ended| time > ended) {
        return Err(Problem::Epoch {
            number: life.number,
            signed_at: text.to_owned(),
            began: life.began.map(|began| began.to_string()),
            ended: life.ended.map(|ended| ended.to_string()),
        });
    }
    Ok(life.began.is_some() || life.ended.is_some())
}
