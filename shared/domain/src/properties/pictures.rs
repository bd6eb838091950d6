//! Properties of picture keys: each one survives printing and parsing, and they sort by time.

use proptest::prelude::*;
use ulid::Ulid;

use crate::ids::{AccountId, PictureId};
use crate::pictures::{PictureFormat, PictureKey};

proptest! {
    #[test]
    fn a_picture_key_survives_print_and_parse(account in any::<u128>(), picture in any::<u128>(), format in 0_usize..3) {
        let key = PictureKey {
            account_id: AccountId::from_ulid(Ulid(account)),
            picture_id: PictureId::from_ulid(Ulid(picture)),
            format: PictureFormat::ALL[format],
        };
        prop_assert_eq!(PictureKey::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn picture_keys_of_an_account_sort_by_picture_id(one in any::<u128>(), other in any::<u128>(), formats in (0_usize..3, 0_usize..3)) {
        let key = |bits, format: usize| PictureKey {
            account_id: AccountId::from_ulid(Ulid(7)),
            picture_id: PictureId::from_ulid(Ulid(bits)),
            format: PictureFormat::ALL[format],
        };
        prop_assume!(one != other);
        let (one_key, other_key) = (key(one, formats.0), key(other, formats.1));
        prop_assert_eq!(one < other, one_key.to_string() < other_key.to_string());
    }
}
