"""What an alert says."""

from driftgate.services.alerts import render_html


def test_markup_in_a_message_stays_text_and_the_link_leads_to_the_run() -> None:
    html = render_html("Drift <b>critical</b>\n\nsecond line", 'http://airflow/runs?id=1&x="y"')
    assert html == (
        "<p>Drift &lt;b&gt;critical&lt;/b&gt;</p><p>second line</p>"
        '<p><a href="http://airflow/runs?id=1&amp;x=&quot;y&quot;">Open the run in Airflow</a></p>'
    )
