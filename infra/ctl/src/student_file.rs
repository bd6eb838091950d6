//! A list of students as a file of comma-separated values.

use thali_domain::accounts::identity::{Email, Name, Phone, RollNo, RoomNo};

use crate::csv_file::{Fault, Layout, Reading};

const LAYOUT: Layout = Layout {
    columns: &["name", "roll_no", "room_no", "phone", "email"],
    required: 4,
    unique: &[
        ("roll_no", |text| RollNo::parse(text).ok().map(String::from)),
        ("email", |text| Email::parse(text).ok().map(String::from)),
    ],
};

/// What one line says of a student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The name.
    pub name: Name,
    /// The roll number.
    pub roll_no: RollNo,
    /// The room number.
    pub room_no: RoomNo,
    /// The telephone number.
    pub phone: Phone,
    /// The e-mail address, which not everybody has.
    pub email: Option<Email>,
}

/// Reads a list of students. Where anything is wrong, answers all of it and no row.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Vec<Fault>> {
    LAYOUT.read(bytes, row)
}

fn row(reading: &mut Reading<'_>) -> Option<Row> {
    let name = reading.needed("name");
    let roll_no = reading.needed("roll_no");
    let room_no = reading.needed("room_no");
    let phone = reading.needed("phone");
    let email = reading.value("email");
    let line = reading.line;
    Some(Row { line, name: name?, roll_no: roll_no?, room_no: room_no?, phone: phone?, email })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a file, as they are told.
    #[track_caller]
    fn faults(file: &str) -> Vec<String> {
        let faults = read(file.as_bytes()).expect_err("something is wrong");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_an_address_may_be_left_out() {
        let file = "email,phone,name,room_no,roll_no\n\
                    Asha@Example.com,+91 98123-45678,\"Rao, Asha\",B-204,cs21b042\n\
                    ,9812345679,Ravi Kumar,B 205,CS21B043\n";
        let rows = read(file.as_bytes()).expect("good");
        let told = rows.iter().map(|row| {
            let email = row.email.as_ref().map_or("-", Email::as_str);
            let Row { line, name, roll_no, room_no, phone, .. } = row;
            format!("{line} {name} {roll_no} {room_no} {} {email}", phone.as_str())
        });
        let expected = [
            "2 Rao, Asha CS21B042 B-204 +919812345678 asha@example.com",
            "3 Ravi Kumar CS21B043 B 205 9812345679 -",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        let without = "name,roll_no,room_no,phone\nAsha,R1,1,9812345678\n";
        assert_eq!(read(without.as_bytes()).expect("good")[0].email, None);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_by_line_and_column() {
        let file = "name,roll_no,room_no,phone,email\n\
                    ,R 1,,12,asha\n\
                    Ravi,R2,B,9812345678,ravi@example.com\n\
                    Meera,r2,B,9812345679,RAVI@example.com\n\
                    Indu,R3,B,9812345670\n\
                    Tara,R2,B,9812345671,\n";
        let expected = [
            "line 2, name: is missing",
            "line 2, roll_no: must be 1 to 32 letters, digits, hyphens, slashes or dots",
            "line 2, room_no: is missing",
            "line 2, phone: must be a telephone number of 7 to 15 digits",
            "line 2, email: must be an e-mail address",
            "line 4, roll_no: R2 is on line 3 already",
            "line 4, email: ravi@example.com is on line 3 already",
            "line 5: it has 4 fields, and the first line names 5 columns",
            "line 6, roll_no: R2 is on line 3 already",
        ];
        assert_eq!(faults(file), expected);
    }

    #[test]
    fn a_header_names_what_is_known_and_all_that_is_needed() {
        let wanted = "its first line names the columns: name,roll_no,room_no,phone and, if you \
                      like, email";
        let expected = [
            "line 1: “password” is no column".to_owned(),
            "line 1: the column room_no is missing".to_owned(),
            "line 1: the column phone is missing".to_owned(),
            format!("line 1: {wanted}"),
        ];
        assert_eq!(faults("name,roll_no,password\nAsha,R1,x\n"), expected);
        assert_eq!(faults(""), [format!("line 1: the file is empty; {wanted}")]);
    }
}
