// Where the packages are, which is above this folder.
export default { turbopack: { root: process.env.APP_ROOT } }
