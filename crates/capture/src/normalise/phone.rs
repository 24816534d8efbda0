//! Telephone numbers: `0351 123 45 67` of a person in Germany becomes `+493511234567` (E.164).

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use super::Remedy;

/// The number in E.164. One without a country code is read in the first of `regions` (ISO 3166 alpha-2, of any
/// letter case) that names a country.
///
/// # Errors
/// When no valid number comes out, or one with an extension: behind one number sit many people.
pub(super) fn normalise(value: &str, regions: [Option<&str>; 2]) -> Result<String, Remedy> {
    let region = regions.into_iter().flatten().find_map(country_of);
    let number = PhoneNumber::parse(value, region).map_err(|_| remedy(region.is_some()))?;
    if number.extension.as_deref().is_some_and(|extension| !extension.is_empty()) {
        return Err("a number without an extension");
    }
    if !number.is_valid() {
        return Err(remedy(region.is_some()));
    }
    Ok(number.format_as(PhoneNumberFormat::E164).into_owned())
}

fn country_of(code: &str) -> Option<Region> {
    if code.len() == 2 { code.to_ascii_uppercase().parse().ok() } else { None }
}

fn remedy(has_region: bool) -> Remedy {
    if has_region {
        "a valid number, with its country code or of the country that is stated"
    } else {
        "a valid number with its country code, such as +49 351 1234567, or come with a `country` attribute"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        let cases = [
            ("+49 (351) 123-4567", Some("+493511234567")),
            ("0351 1234567", Some("+493511234567")),
            ("0049 351 1234567", Some("+493511234567")),
            ("+1 650-253-0000", Some("+16502530000")),
            ("+493511234567 ext. 5", None),
            ("12", None),
            ("Ann Lee", None),
            ("+", None),
        ];
        super::super::check(|value| normalise(value, [Some("de"), None]).ok(), &cases);
    }

    #[test]
    fn without_a_country_only_the_international_form_is_read() {
        assert!(normalise("0351 1234567", [None, None]).is_err());
        assert!(normalise("+493511234567", [None, None]).is_ok());
    }

    #[test]
    fn the_first_region_that_is_a_country_counts() {
        assert_eq!(normalise("0351 1234567", [Some("Germany"), Some("DE")]).as_deref(), Ok("+493511234567"));
        assert_eq!(normalise("650 253 0000", [Some("US"), Some("DE")]).as_deref(), Ok("+16502530000"));
    }
}
