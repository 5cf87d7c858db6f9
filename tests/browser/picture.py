"""A picture of one plot of a page of `dsm report`, as in docs/report.md:

python tests/browser/picture.py runs/narrow_temperature/report.html setting teacher_overlap docs/report.png
"""

import sys
from pathlib import Path

from chromium import open_browser
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select


def main(page: str, plot: str, quantity: str, picture: str) -> None:
    """Store the card of a plot that shows `quantity`, at 1280 pixels, as the PNG file `picture`."""
    with open_browser(1280, 4000) as browser:
        browser.get(Path(page).resolve().as_uri())
        card = browser.find_element(By.ID, plot).find_element(By.XPATH, "..")
        Select(card.find_element(By.CSS_SELECTOR, 'select[aria-label="quantity"]')).select_by_value(quantity)
        browser.execute_script("document.activeElement.blur()")
        card.screenshot(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
