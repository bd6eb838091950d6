//! Whatever is typed, a text has one spelling, which can be seen and read again.

use proptest::prelude::*;

use crate::accounts::identity::{Email, Name, RollNo, Username};
use crate::accounts::profile::Bio;
use crate::phone::{Phone, Region, TypedPhone};
use crate::unicode::{code_digits, is_visible, nfc, nfd};

/// Characters that make texts differ without being seen, between some that are seen.
fn odd_text() -> impl Strategy<Value = String> {
    let odd: Vec<char> = "aé\u{301}\u{93c}क्ष\u{958}ന്\u{200c}\u{200d}\u{200b}\u{2060}\u{feff}\u{ad} \u{a0}\u{2003}\u{2028}\u{2800}\u{3164}\u{1160}\u{fe0f}❤👩🍳\u{34f}한\u{1100}\u{1161}\u{e0041}\u{202e}\n\t"
        .chars()
        .collect();
    prop_oneof![
        prop::collection::vec(prop::sample::select(odd), 0..20).prop_map(String::from_iter),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn a_stored_text_is_spelt_as_it_would_be_if_typed_again(typed in odd_text()) {
        if let Ok(name) = Name::parse(&typed) {
            let again = Name::parse(name.as_str()).expect("stored");
            prop_assert_eq!(again.as_str(), name.as_str());
            prop_assert!(is_visible(name.as_str()));
            prop_assert_eq!(nfc(name.as_str()), name.as_str());
        }
        if let Ok(bio) = Bio::parse(&typed) {
            let again = Bio::parse(bio.as_str()).expect("stored");
            prop_assert_eq!(again.as_str(), bio.as_str());
        }
    }

    #[test]
    fn texts_of_two_keyboards_are_equal(typed in odd_text()) {
        let (composed, decomposed) = (nfc(&typed), nfd(&typed));
        prop_assert_eq!(Name::parse(&composed).ok(), Name::parse(&decomposed).ok());
    }

    #[test]
    fn names_for_keys_are_ascii_and_survive_parsing(typed in any::<String>()) {
        if let Ok(roll_no) = RollNo::parse(&typed) {
            prop_assert!(roll_no.as_str().is_ascii());
            prop_assert_eq!(RollNo::parse(roll_no.as_str()), Ok(roll_no.clone()));
        }
        if let Ok(username) = Username::parse(&typed) {
            prop_assert_eq!(Username::parse(username.as_str()), Ok(username.clone()));
        }
        if let Ok(email) = Email::parse(&typed) {
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
        }
    }

    #[test]
    fn a_number_in_e164_is_itself_everywhere(typed in "[+0-9 ()x.-]{0,24}") {
        let numbers = ["IN", "NP", "US", "IT", "GB"]
            .map(|code| Phone::parse(&typed, Region::parse(code).expect("a region")));
        for number in numbers.into_iter().flatten() {
            prop_assert!(number.as_str().starts_with('+') && number.as_str().len() <= 16);
            let again = TypedPhone::try_from(number.as_str().to_owned()).expect("a number");
            let again = again.in_region(Region::INDIA).expect("a number");
            prop_assert_eq!(again.as_str(), number.as_str());
            let read = Phone::parse(&number.national(), Region::INDIA);
            prop_assert!(!number.as_str().starts_with("+91") || read.as_ref() == Ok(&number));
        }
    }

    #[test]
    fn a_typed_code_has_ascii_digits_only(typed in any::<String>()) {
        if let Some(digits) = code_digits(&typed) {
            prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()));
        }
    }
}
