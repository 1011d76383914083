// Runs in the page, after each press of Tab. What has the focus, and whether it is where a reader looks for it.
;(() => {
  const FOCUSABLE = 'a[href], button, input, select, textarea, summary, label, [tabindex="0"]'
  const focused = document.activeElement
  const before = globalThis.lastTabStop
  globalThis.lastTabStop = focused
  if (focused === null || focused === document.body) return undefined
  const { outlineStyle, outlineWidth } = getComputedStyle(focused)
  const box = focused.getBoundingClientRect()
  return {
    name: (focused.getAttribute('aria-label') || focused.textContent || focused.tagName).trim(),
    isSame: before === focused,
    isAfter:
      !before?.isConnected ||
      (before.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0,
    isMarked: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
    isInSight: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    isInMain: focused.closest('main') !== null,
    /** What the eye meets in another order than the keyboard, and what only a mouse can press. */
    faults: [...document.querySelectorAll('body *')]
      .filter((element) => {
        const { order, flexDirection, cursor } = getComputedStyle(element)
        const isMoved = order !== '0' || flexDirection.endsWith('reverse') || element.tabIndex > 0
        return isMoved || (cursor === 'pointer' && element.closest(FOCUSABLE) === null)
      })
      .map(({ outerHTML }) => outerHTML.slice(0, 100)),
  }
})()
