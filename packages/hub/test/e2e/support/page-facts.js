// Runs in the page. What its reader, and a reader who cannot see it, will find there.
;(() => {
  /** @param {string} text @returns {[number, number, number, number]} */
  const parseColor = (text) => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number)
    return [red, green, blue, alpha]
  }

  /** What is really behind an element: half-transparent layers mixed, down to the canvas. */
  const backgroundOf = (element) => {
    const layers = []
    for (let at = element; at !== null; at = at.parentElement) {
      layers.push(parseColor(getComputedStyle(at).backgroundColor))
      if (layers.at(-1)[3] === 1) break
    }
    const isDark = matchMedia('(prefers-color-scheme: dark)').matches
    let color = isDark ? [18, 18, 18] : [255, 255, 255]
    for (const [red, green, blue, alpha] of layers.toReversed()) {
      color = [red, green, blue].map((part, index) => part * alpha + color[index] * (1 - alpha))
    }
    return color
  }

  /** WCAG 2.2, relative luminance. */
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }

  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }

  const isShown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true })

  const texts = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const { parentElement } = node
    const text = node.textContent.trim()
    if (text === '' || parentElement === null || !isShown(parentElement)) continue
    const style = getComputedStyle(parentElement)
    const ratio = contrast(parseColor(style.color).slice(0, 3), backgroundOf(parentElement))
    texts.push({ text: text.slice(0, 40), ratio, size: Number.parseFloat(style.fontSize) })
  }

  const controls = [...document.querySelectorAll('button, input, select, textarea, a[href]')]
    .filter((control) => isShown(control) && control.getAttribute('type') !== 'hidden')
    .map((control) => {
      const labels = [...(control.labels ?? [])].map((label) => label.textContent).join(' ')
      const own = control.getAttribute('aria-label') ?? control.textContent
      // Who hits the label of a box has hit the box.
      const targets = [control, ...(control.labels ?? [])]
      const height = Math.max(...targets.map((each) => each.getBoundingClientRect().height))
      return { name: (labels || own).trim(), tag: control.tagName, height }
    })

  const focused = document.activeElement
  const outline = focused === null ? undefined : getComputedStyle(focused)
  return {
    lang: document.documentElement.lang,
    title: document.title,
    headings: [...document.querySelectorAll('h1')].map((heading) => heading.textContent.trim()),
    hasMain: document.querySelectorAll('main').length === 1,
    overflowPx: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    texts,
    controls,
    focus:
      focused === null || focused === document.body || outline === undefined
        ? undefined
        : {
            name: (focused.getAttribute('aria-label') ?? focused.textContent).trim(),
            isVisible:
              outline.outlineStyle !== 'none' && Number.parseFloat(outline.outlineWidth) >= 2,
            ratio: contrast(
              parseColor(outline.outlineColor).slice(0, 3),
              backgroundOf(focused.parentElement),
            ),
          },
  }
})()
