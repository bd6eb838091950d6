//! How the past of a fact is stored. In the mess's item it is a map from the time until which an
//! earlier value held, in milliseconds, to the value; NULL stands for values that are no longer
//! known. In a student's item, which is almost full, it is packed into bytes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::past::Past;
use thali_domain::students::qr::{NONCE_BYTES, Nonce};

use crate::store::StoreError;

pub(in crate::store) fn serialize<T: Serialize, S: Serializer>(
    past: &Past<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let entries = past.entries().iter();
    serializer
        .collect_map(entries.map(|(until, value)| (until.as_millisecond().to_string(), value)))
}

pub(in crate::store) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Past<T>, D::Error> {
    let stored = BTreeMap::<String, Option<T>>::deserialize(deserializer)?;
    let entry = |(until, value): (String, Option<T>)| {
        let until = until.parse().map_err(D::Error::custom)?;
        Ok((Timestamp::from_millisecond(until).map_err(D::Error::custom)?, value))
    };
    let entries: Result<BTreeMap<_, _>, D::Error> = stored.into_iter().map(entry).collect();
    Ok(entries?.into())
}

/// The map as an attribute.
pub(in crate::store) fn attribute<T: Serialize>(
    past: &Past<T>,
) -> Result<AttributeValue, StoreError> {
    Ok(serialize(past, serde_dynamo::Serializer)?.into())
}

/// A value that is packed into this number of bytes.
pub(in crate::store) trait Packed: Sized {
    const BYTES: usize;

    fn pack(&self) -> Vec<u8>;

    /// The inverse of [`Packed::pack`].
    fn unpack(bytes: &[u8]) -> Option<Self>;
}

impl Packed for AccountStatus {
    const BYTES: usize = 1;

    fn pack(&self) -> Vec<u8> {
        vec![match self {
            Self::PendingApproval => b'p',
            Self::Active => b'a',
            Self::Rejected => b'r',
            Self::Blocked => b'b',
            Self::Deleted => b'd',
        }]
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let [byte] = bytes else { return None };
        Self::ALL.iter().copied().find(|status| status.pack() == [*byte])
    }
}

impl Packed for Nonce {
    const BYTES: usize = NONCE_BYTES;

    fn pack(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_random)
    }
}

/// A time is five bytes: the milliseconds since the beginning of 2020. They last until 2054.
const TIME_BYTES: usize = 5;

const TIMES_BEGIN: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// A past without entries. DynamoDB does not accept empty bytes everywhere.
const NOTHING: [u8; 1] = [0];

/// Packs a past: for each entry, oldest first, its time and its value. If nothing is known before
/// some time, that time comes first, without a value.
pub(in crate::store) fn pack<T: Packed>(past: &Past<T>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (until, value) in past.entries() {
        let millis = until.as_millisecond() - TIMES_BEGIN.as_millisecond();
        let time = u64::try_from(millis).unwrap_or(0).min((1 << (8 * TIME_BYTES)) - 1);
        let time = &time.to_be_bytes()[8 - TIME_BYTES..];
        match value {
            Some(value) => packed.extend([time, &value.pack()].concat()),
            None => packed = time.to_vec(),
        }
    }
    if packed.is_empty() { NOTHING.to_vec() } else { packed }
}

fn unpack<T: Packed>(packed: &[u8]) -> Option<Past<T>> {
    if packed == NOTHING {
        return Some(Past::default());
    }
    let time_of = |bytes: &[u8]| {
        let millis = bytes.iter().fold(0_i64, |time, byte| time << 8 | i64::from(*byte));
        Timestamp::from_millisecond(TIMES_BEGIN.as_millisecond() + millis).ok()
    };
    let mut entries = BTreeMap::new();
    let (unknown, known) = packed.split_at(packed.len() % (TIME_BYTES + T::BYTES));
    match unknown.len() {
        0 => {}
        TIME_BYTES => {
            entries.insert(time_of(unknown)?, None);
        }
        _ => return None,
    }
    for entry in known.chunks(TIME_BYTES + T::BYTES) {
        let (time, value) = entry.split_at(TIME_BYTES);
        entries.insert(time_of(time)?, Some(T::unpack(value)?));
    }
    Some(entries.into())
}

/// The packed past as an attribute.
pub(in crate::store) fn packed_attribute<T: Packed>(past: &Past<T>) -> AttributeValue {
    AttributeValue::B(pack(past).into())
}

/// A packed past that is left out if it has no entries.
pub(in crate::store) mod packed {
    use serde::de::{Error, SeqAccess, Visitor};

    use super::{Deserializer, Packed, Past, Serializer, pack, unpack};

    pub(in crate::store) fn serialize<T: Packed, S: Serializer>(
        past: &Past<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&pack(past))
    }

    pub(in crate::store) fn deserialize<'de, T: Packed, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Past<T>, D::Error> {
        let packed = deserializer.deserialize_byte_buf(Bytes)?;
        unpack(&packed).ok_or_else(|| D::Error::custom("is no packed past"))
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        /// JSON has no bytes, only lists of numbers.
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = list.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}

/// The same for an attribute that older items lack.
pub(in crate::store) mod optional_packed {
    use super::{Deserializer, Packed, Past, Serializer, packed};

    #[expect(clippy::ref_option, reason = "serde passes the field like this")]
    pub(in crate::store) fn serialize<T: Packed, S: Serializer>(
        past: &Option<Past<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match past {
            Some(past) => packed::serialize(past, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::store) fn deserialize<'de, T: Packed, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Past<T>>, D::Error> {
        packed::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use thali_domain::meals::entitlement::{CODES_MAX, STATUSES_MAX};

    use super::*;

    const START: Timestamp = Timestamp::constant(1_772_262_000, 123_000_000);

    fn hour(hour: usize) -> Timestamp {
        START + SignedDuration::from_hours(i64::try_from(hour).expect("small"))
    }

    #[test]
    fn a_packed_past_is_read_back_with_what_is_unknown() {
        let (mut statuses, mut codes) = (Past::default(), Past::default());
        for number in 0..6 {
            assert_eq!(unpack(&pack(&statuses)), Some(statuses.clone()));
            assert_eq!(unpack(&pack(&codes)), Some(codes.clone()));
            let status = AccountStatus::ALL[number % AccountStatus::ALL.len()];
            statuses = statuses.replaced(status, hour(number), STATUSES_MAX);
            let nonce = Nonce::from_random([u8::try_from(number).expect("small"); NONCE_BYTES]);
            codes = codes.replaced(nonce, hour(number), CODES_MAX);
        }
        assert!(statuses.entries().values().any(Option::is_none));
        let unknown = Past::<Nonce>::unknown_until(hour(0));
        assert_eq!(unpack(&pack(&unknown)), Some(unknown));
    }

    #[test]
    fn bytes_that_are_no_past_are_refused() {
        for bytes in [&[1][..], &[0, 0, 0, 0], &[1, 2, 3, 4, 5, b'x']] {
            assert_eq!(unpack::<AccountStatus>(bytes), None, "{bytes:?}");
        }
        assert_eq!(unpack::<Nonce>(&[7; 13]), None);
    }
}
