# A handle is one only together with its network. The brand's own answers are about nobody.
def network: (.network // "" | ascii_downcase) as $n
  | {"twitter": "x", "fb_instagram_account": "instagram", "facebook": "facebook", "linkedin_company": "linkedin"}[$n] // $n;
def sentiment: if type == "number" then . else {"positive": 0.5, "neutral": 0, "negative": -0.5}[. // "" | tostring | ascii_downcase] end;

(.data // [.]) | list
| select(.direction != "outbound")
| (if .from then . else error("a message has no sender") end)
| { touchpoint_id: one(.guid // .id | values | "social-\(.)"), time: (.created_time | if type == "number" then seconds else utc end),
    channel: "social", type: (.post_type // "message" | ascii_downcase | short),
    identifiers: [ (network as $network | id("social"; (.from.screen_name // .from.guid) | strings | ltrimstr("@") | select(. != "") | $network + ":" + .)),
                   id("email"; .from.email) ],
    attributes: ({ text: .text, name: .from.name, language: .language_code, profile_url: .from.profile_url,
                   followers: (.from.followers | text) } | compact),
    engagement: ({ action: "message", sentiment: (.sentiment | sentiment) } | compact) }
| somebody
