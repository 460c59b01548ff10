//! The records of an export, each verified by itself, many at a time.

use std::collections::VecDeque;

use capsules_core::SealedRecord;
use capsules_core::verify::{PqPolicy, TrustedKeys, VerifyFailure, verify_each};

use crate::Result;

/// Reads ahead, so that records are verified together on all cores.
pub(crate) struct Judged<'k, I> {
    records: I,
    keys: &'k TrustedKeys,
    policy: PqPolicy,
    ahead: VecDeque<Result<(SealedRecord, Judgement)>>,
}

/// What is wrong with a record. The ones after the first that is wrong are not looked at.
pub(crate) type Judgement = std::result::Result<(), VerifyFailure>;

/// So many records are read ahead, or so much text and one record.
const RECORDS: usize = 4_096;
const BYTES: usize = 8 << 20;

impl<'k, I> Judged<'k, I>
where
    I: Iterator<Item = Result<SealedRecord>>,
{
    pub(crate) fn new(records: I, keys: &'k TrustedKeys, policy: PqPolicy) -> Self {
        Self {
            records,
            keys,
            policy,
            ahead: VecDeque::new(),
        }
    }

    /// Reads and verifies the next records, and the error that ends them.
    fn read_ahead(&mut self) {
        let (mut records, mut bytes) = (Vec::new(), 0);
        let mut error = None;
        while records.len() < RECORDS && bytes < BYTES {
            match self.records.next() {
                Some(Ok(record)) => {
                    bytes += record.content.len();
                    records.push(record);
                }
                Some(Err(unreadable)) => {
                    error = Some(unreadable);
                    break;
                }
                None => break,
            }
        }
        let mut wrong = verify_each(&records, self.keys, self.policy).err();
        for (place, record) in records.into_iter().enumerate() {
            let judgement = match wrong.take_if(|(wrong, _)| *wrong == place) {
                Some((_, failure)) => Err(failure),
                None => Ok(()),
            };
            self.ahead.push_back(Ok((record, judgement)));
        }
        self.ahead.extend(error.map(Err));
    }
}

impl<I> Iterator for Judged<'_, I>
where
    I: Iterator<Item = Result<SealedRecord>>,
{
    type Item = Result<(SealedRecord, Judgement)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_empty() {
            self.read_ahead();
        }
        self.ahead.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use capsules_core::verify::VerifyCode;
    use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal};

    use super::*;
    use crate::CliError;

    #[test]
    fn records_come_in_their_order_and_before_the_error_that_ends_them() {
        let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
        let keys = TrustedKeys::only([seal.public_key()]);
        let record = |changed: bool| {
            let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
            let mut record = seal.seal(&draft, &Position::after(None)).unwrap();
            if changed {
                record.content = record.content.replace("tool", "kill");
            }
            record
        };
        let good = RECORDS + 3;
        let records: Vec<_> = (0..=good).map(|place| record(place == good)).collect();
        let unreadable = CliError::Spool(io::Error::other("damaged"));
        let export = records.clone().into_iter().map(Ok).chain([Err(unreadable)]);
        let mut judged = Judged::new(export, &keys, PqPolicy::Ignore);
        for (place, record) in records.iter().enumerate() {
            let (found, judgement) = judged.next().unwrap().unwrap();
            assert_eq!(found, *record);
            let expected = if place == good {
                VerifyCode::HashMismatch
            } else {
                VerifyCode::Ok
            };
            assert_eq!(VerifyCode::of(&judgement), expected, "{place}");
        }
        assert!(judged.next().unwrap().is_err());
        assert!(judged.next().is_none());
    }
}
